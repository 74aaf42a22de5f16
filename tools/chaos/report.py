"""The table at the end of a run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

from tools.chaos.faults import CAUGHT
from tools.chaos.history import KILLER
from tools.chaos.run import Outcome

#: Violations that are shown; the rest is counted.
MOST_SHOWN = 40


def as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "seed": outcome.plan.seed,
        "seconds": round(outcome.seconds, 1),
        "commands": _outcomes(outcome),
        "answers": _answers(outcome),
        "manual": {
            "sent": len(outcome.history.sent),
            "read": dict(Counter(row.status for row in outcome.history.rows if row.is_manual)),
        },
        "faults": [
            {"name": each.name, "recoveredAfterSec": each.recovered_after, "notes": each.notes}
            for each in outcome.faults
        ],
        "foundNothingToStrike": [each.name for each in outcome.tried if not each.did_strike],
        "slowestKillSec": _slowest_kill(outcome),
        "longestPendingSec": _longest_pending(outcome),
        "tracebacks": outcome.tracebacks,
        "violations": [{"rule": each.rule, "what": each.what} for each in outcome.violations],
    }


def as_text(outcome: Outcome) -> str:
    """Markdown tables that are readable as they are."""
    history = outcome.history
    parts = [
        f"Seed {outcome.plan.seed}: {len(history.intentions)} commands in {len(history.attempts)} requests, "
        f"{len(history.sent)} manual commands, of which {sum(row.is_manual for row in history.rows)} were read, "
        f"{len(outcome.faults)} faults, {outcome.seconds:.0f} s.",
        _table(["commands by outcome", "count"], list(_outcomes(outcome).items())),
        _table(["answers to clients", "count"], list(_answers(outcome).items())),
        _faults(outcome),
        f"Slowest kill sent while a process was frozen and held the lock: {_slowest_kill(outcome):.2f} s. "
        f"Longest time that a command was pending before it was applied or rejected: {_longest_pending(outcome):.2f} s. "
        f"Processes caught with the lock in their hand: {_caught(outcome)}. "
        f"Stack traces in the logs, without those of Celery's own machinery: {len(outcome.tracebacks)}.",
    ]
    shown = [f"- {each}" for each in outcome.violations[:MOST_SHOWN]]
    parts.append("\n".join([f"Violations: {len(outcome.violations)}", *shown]))
    return "\n\n".join(parts)


def _outcomes(outcome: Outcome) -> dict[str, int]:
    return dict(Counter(row.status for row in outcome.history.rows).most_common())


def _answers(outcome: Outcome) -> dict[str, int]:
    return dict(
        Counter(
            f"{each.status} {each.said.get('code', '')}".strip() if each.status else f"none: {each.exception}"
            for each in sorted(outcome.history.attempts, key=lambda each: each.status or 999)
        )
    )


def _faults(outcome: Outcome) -> str:
    times = defaultdict(list)
    for each in outcome.faults:
        times[each.name].append(each.recovered_after)
    rows = []
    for name, after in sorted(times.items()):
        known = [seconds for seconds in after if seconds is not None]
        shown = [f"{median(known):.2f}", f"{max(known):.2f}"] if known else ["never", "never"]
        rows.append((name, len(after), *shown))
    rows.append(("all", len(outcome.faults), "", ""))
    if missed := len(outcome.tried) - len(outcome.faults):
        rows.append(("found nothing to strike, not counted", missed, "", ""))
    return _table(["fault", "count", "probe's command applied after (s), median", "most"], rows)


def _caught(outcome: Outcome) -> str:
    tried = [each for each in outcome.tried if "transaction" in each.name]
    return f"{sum(CAUGHT in each.notes for each in tried)} of {len(tried)}"


def _slowest_kill(outcome: Outcome) -> float:
    kills = [
        each for each in outcome.history.attempts if each.client.startswith(KILLER) and each.status == 200
    ]
    return max((each.answered_at - each.sent_at for each in kills), default=0.0)


def _longest_pending(outcome: Outcome) -> float:
    finished = [row for row in outcome.history.rows if row.finished_at and row.status != "expired"]
    waits = ((row.finished_at - row.issued_at).total_seconds() for row in finished if row.finished_at)
    return max(waits, default=0.0)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
