"""What must hold for the tables alone. Each rule yields a sentence for every way in which a history breaks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from tools.chaos import contract
from tools.chaos.history import History, Row

#: No command may be pending for longer while a process is alive that can finish it. A fault of this run lasts up to 8 s.
LONGEST_PENDING = timedelta(seconds=25)
#: A reconciliation waits until Alpaca may be asked again: it may use only a part of the requests in a minute.
LONGEST_RECONCILE = timedelta(seconds=90)
#: An expired command is finished at the next check of the log, each second, by any process alive; the rest as above.
LONGEST_AFTER_EXPIRY = timedelta(seconds=12)


def no_id_twice(history: History) -> Iterator[str]:
    for name, values in (
        ("id", [row.id for row in history.rows]),
        ("seq", [row.seq for row in history.rows]),
    ):
        for value, count in Counter[object](values).items():
            if count > 1:
                yield f"{count} commands have the {name} {value}"


def revisions_run_without_gap_or_double(history: History) -> Iterator[str]:
    for expected, row in enumerate(history.applied, start=1):
        if row.revision != expected:
            yield f"{row} should have revision {expected}"
            return
    if history.config.revision != len(history.applied):
        yield f"bot_config has revision {history.config.revision} after {len(history.applied)} applied commands"


def each_state_follows_from_the_one_before(history: History) -> Iterator[str]:
    state = "stopped"
    for row in history.applied:
        if row.from_state != state:
            yield f"{row} comes from {row.from_state}, but the state was {state}"
        state = row.to_state or ""
    if history.config.state != state:
        yield f"bot_config is {history.config.state}, but the log ends in {state}"


def every_step_is_allowed(history: History) -> Iterator[str]:
    mode = "paper"
    for row in history.applied:
        keeps_mode = row.kind == "set_mode" and row.params.get("mode") == mode
        if row.kind == "set_mode":
            mode = row.params.get("mode", mode)
        expected = contract.STEPS.get(row.kind, {}).get(row.from_state or "")
        flattens_only = row.kind == "stop" and row.params.get("flatten") is True
        if keeps_mode or (flattens_only and expected is None) or _called_off_instead(history, row):
            expected = row.from_state
        if row.to_state != expected:
            yield f"{row} led from {row.from_state} to {row.to_state}"


def _called_off_instead(history: History, stop: Row) -> bool:
    """Whether a stop of a stopped bot superseded a start."""
    return (stop.kind, stop.from_state) == ("stop", "stopped") and any(
        row.status == "superseded" and row.seq < stop.seq and row.finished_at == stop.finished_at
        for row in history.rows
    )


def refusals_are_right(history: History) -> Iterator[str]:
    for row in history.rows:
        allowed = row.from_state in contract.STEPS.get(row.kind, {})
        if row.error_code == "invalid_transition" and allowed and row.kind != "rearm":
            yield f"{row} was rejected, although {row.kind} is allowed when {row.from_state}"
        if row.error_code == "killed" and (row.kind, row.from_state) != ("start", "stopped"):
            yield f"{row} was rejected because of the kill switch"


def the_kill_switch_latches(history: History) -> Iterator[str]:
    killed = False
    for row in history.applied:
        if row.kind == "start" and killed:
            yield f"{row} was applied while the kill switch was on"
        if row.kind == "rearm" and not killed:
            yield f"{row} was applied while the kill switch was off"
        killed = row.kind == "kill" or (killed and row.kind != "rearm")
    if history.config.killed is not killed:
        yield f"the kill switch is {_on(history.config.killed)}, but the log leaves it {_on(killed)}"


def enabled_mode_and_thresholds_follow_from_the_log(history: History) -> Iterator[str]:
    config, enabled, mode = history.config, False, "paper"
    positions = None
    for row in history.applied:
        enabled = {"start": True, "kill": False}.get(row.kind, enabled)
        if row.kind == "set_mode":
            mode = row.params["mode"]
        if row.kind == "update_config":
            positions = row.params.get("maxConcurrentPositions", positions)
        if row.mode != mode:
            yield f"{row} has mode {row.mode}, but the mode was {mode}"
    if (config.enabled, config.mode) != (enabled, mode):
        yield f"bot_config is ({_on(config.enabled)}, {config.mode}); the log says ({_on(enabled)}, {mode})"
    if positions is not None and config.max_concurrent_positions != positions:
        yield f"maxConcurrentPositions is {config.max_concurrent_positions}, but was last set to {positions}"


def nothing_logged_before_a_halt_takes_effect_after_it(history: History) -> Iterator[str]:
    halt: Row | None = None
    for row in history.applied:
        if halt is not None and row.kind in contract.CALLED_OFF and row.seq < halt.seq:
            yield f"{row} was applied after {halt}, which was logged later"
        if row.kind in contract.HALTS and (halt is None or row.seq > halt.seq):
            halt = row


def only_a_later_halt_supersedes(history: History) -> Iterator[str]:
    halts = [
        row for row in history.rows if row.kind in contract.HALTS and row.status in ("applied", "rejected")
    ]
    last_seq = max((row.seq for row in halts), default=0)
    last_at = max((row.issued_at for row in halts), default=None)
    configured = max((row.issued_at for row in history.applied if row.kind == "update_config"), default=None)
    for row in history.rows:
        if row.status != "superseded":
            continue
        if row.kind in contract.CALLED_OFF:
            later = row.seq < last_seq or (last_at is not None and row.ordered_at < last_at)
        else:
            later = row.kind == "update_config" and configured is not None and row.ordered_at < configured
        if not later:
            yield f"{row} was superseded by nothing"


def expiry_is_kept(history: History) -> Iterator[str]:
    for row in history.rows:
        lifetime = contract.LIFETIME_SEC.get(row.kind)
        if (row.expires_at is None) != (lifetime is None):
            yield f"{row} expires at {row.expires_at}"
        elif row.expires_at is None or row.finished_at is None:
            continue
        elif row.status == "applied" and row.finished_at > row.expires_at:
            yield f"{row} was applied after it had expired"
        elif row.status == "expired" and row.finished_at < row.expires_at:
            yield f"{row} expired before its time"
        elif (
            row.status == "expired"
            and not row.is_manual
            and row.finished_at - row.expires_at > LONGEST_AFTER_EXPIRY
        ):
            late = (row.finished_at - row.expires_at).total_seconds()
            yield f"{row} was found to have expired after {late:.1f} s"


def nothing_stays_pending(history: History) -> Iterator[str]:
    for row in history.rows:
        waited = (row.finished_at or history.read_at) - row.issued_at
        if row.finished_at is None:
            yield f"{row} has not reached an end after {waited.total_seconds():.1f} s"
        elif row.status != "expired" and not row.is_manual and waited > _longest(row):
            yield f"{row} was pending for {waited.total_seconds():.1f} s"


def _longest(row: Row) -> timedelta:
    return LONGEST_RECONCILE if row.kind == "reconcile" else LONGEST_PENDING


def finished_rows_are_whole(history: History) -> Iterator[str]:
    for row in history.rows:
        is_applied = row.status == "applied"
        if is_applied != (row.revision is not None) or is_applied != (row.to_state is not None):
            yield f"{row} has to-state {row.to_state}"
        if (row.status in contract.REFUSED) != (row.error_code is not None):
            yield f"{row} has error code {row.error_code}"


def nothing_ends_before_it_began(history: History) -> Iterator[str]:
    last: Row | None = None
    for row in history.rows:
        if row.finished_at is not None and row.finished_at < row.issued_at:
            yield f"{row} was finished {(row.issued_at - row.finished_at).total_seconds():.3f} s before it was issued"
    for row in history.applied:
        if last is not None and row.finished_at and last.finished_at and row.finished_at < last.finished_at:
            yield f"{row} was finished before {last}"
        last = row


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"
