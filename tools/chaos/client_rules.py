"""What must hold between the clients' own logs and the tables. Each rule yields a sentence for every breach."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tools.chaos import contract
from tools.chaos.history import KILLER, LOOK, Attempt, History, Row

#: A kill gets past a process that froze while it held the lock within 3 s; the rest is for a busy machine.
LONGEST_KILL_SEC = 4.0


def what_was_said_to_be_applied_is_applied(history: History) -> Iterator[str]:
    for attempt in history.attempts:
        if attempt.status != 200 or not attempt.is_command:
            continue
        said = attempt.said
        row = history.by_id.get(attempt.command_id or "")
        if row is None or row.status != "applied":
            yield f"{attempt} was told 200, but its row is {row}"
            continue
        told = (said.get("state"), said.get("mode"), said.get("revision"))
        if told != (row.to_state, row.mode, row.revision):
            yield f"{attempt} was told {told}, but {row} led to {row.to_state} in {row.mode}"
        if row.reason != attempt.mark:
            yield f"{attempt} was told of another's command: {row}"


def what_was_refused_has_no_effect(history: History) -> Iterator[str]:
    for attempt in history.attempts:
        if not attempt.is_command or attempt.status is None or not 400 <= attempt.status < 500:
            continue
        row = history.by_id.get(attempt.command_id or "")
        if attempt.command_id is None or attempt.said.get("code") == "idempotency_conflict":
            continue
        if row is None or row.status not in contract.REFUSED or row.error_code != attempt.said.get("code"):
            yield f"{attempt} was told {attempt.said.get('code')}, but its row is {row}"


def what_was_never_accepted_is_absent(history: History) -> Iterator[str]:
    for mark, attempts in history.intentions.items():
        if all(_says_nothing_happened(attempt) for attempt in attempts) and history.rows_of[mark]:
            yield f"{attempts[-1]} was told that nothing happens, but there is {history.rows_of[mark][0]}"


def _says_nothing_happened(attempt: Attempt) -> bool:
    """Whether it is an error or a 503 that names no command."""
    if attempt.status is None or attempt.status < 400:
        return False
    return attempt.command_id is None or attempt.said.get("code") == "idempotency_conflict"


def what_was_accepted_reached_an_end(history: History) -> Iterator[str]:
    for attempt in history.attempts:
        if attempt.status == 202 and attempt.is_command:
            row = history.by_id.get(attempt.command_id or "")
            if row is None or row.finished_at is None:
                yield f"{attempt} was told 202, but its row is {row}"


def what_is_unknown_is_absent_or_its_own(history: History) -> Iterator[str]:
    """A 503 that cannot know how its command ended still names it."""
    for attempt in history.attempts:
        if attempt.said.get("code") != "outcome_unknown" or not attempt.is_command:
            continue
        if attempt.command_id is None:
            yield f"{attempt} was told of no command to ask for"
        row = history.by_id.get(attempt.command_id or "")
        if row is not None and row.reason != attempt.mark:
            yield f"{attempt} was told of another's command: {row}"


def nothing_happens_twice(history: History) -> Iterator[str]:
    for mark, attempts in history.intentions.items():
        # a kill that is sent again kills again, if the bot is not killed any more
        if len(rows := history.rows_of[mark]) > 1 and attempts[0].kind != "kill":
            yield f"{attempts[0]} was sent {len(attempts)} times and is there {len(rows)} times"
        told = [attempt for attempt in attempts if attempt.said.get("code") != "idempotency_conflict"]
        ids = {attempt.command_id for attempt in told if attempt.status in (200, 202)} - {None}
        if len(ids) > 1 and attempts[0].kind != "kill":
            yield f"{attempts[0]} was given {len(ids)} ids"


def order_is_real_time_order(history: History) -> Iterator[str]:
    """What was issued after another was acknowledged is applied after it."""

    def applied_before(attempt: Attempt, row: Row) -> bool:
        return attempt.status == 200

    def accepted_before(attempt: Attempt, row: Row) -> bool:
        # what waits for Alpaca's word may be passed by those behind it
        return attempt.status in (200, 202) and row.kind not in contract.GATHERING

    yield from _out_of_order(history, applied_before, lambda row: True)
    # a kill waits for nothing: it passes what is pending
    yield from _out_of_order(
        history, accepted_before, lambda row: row.kind not in contract.GATHERING and row.kind != "kill"
    )


def _out_of_order(
    history: History, counts: Callable[[Attempt, Row], bool], concerns: Callable[[Row], bool]
) -> Iterator[str]:
    acknowledged = []
    for attempt in history.attempts:
        row = history.by_id.get(attempt.command_id or "") if attempt.is_command else None
        if row is not None and row.revision is not None and counts(attempt, row):
            acknowledged.append((attempt.answered_at, row))
    acknowledged.sort(key=lambda pair: pair[0])
    sent = [
        (attempts[0].sent_at, row)
        for mark, attempts in history.intentions.items()
        for row in history.rows_of[mark]
        if row.revision is not None and concerns(row)
    ]
    latest: Row | None = None
    position = 0
    for sent_at, row in sorted(sent, key=lambda pair: pair[0]):
        while position < len(acknowledged) and acknowledged[position][0] < sent_at:
            candidate = acknowledged[position][1]
            if latest is None or (candidate.revision or 0) > (latest.revision or 0):
                latest = candidate
            position += 1
        if latest is not None and (row.revision or 0) < (latest.revision or 0):
            yield f"{row} was issued after {latest} was acknowledged, and applied before it"


def who_looks_sees_what_is_acknowledged(history: History) -> Iterator[str]:
    known, floor = history.by_revision, 0
    events = [(a.answered_at, 0, a) for a in history.attempts if a.is_command and a.status == 200]
    events += [(a.sent_at, 1, a) for a in history.attempts if a.kind == LOOK and a.status == 200]
    for _, _, attempt in sorted(events, key=lambda event: event[:2]):
        revision = attempt.said.get("revision") or 0
        if attempt.is_command:
            floor = max(floor, revision)
            continue
        if revision < floor:
            yield f"{attempt} shows revision {revision}, but {floor} was acknowledged before"
        row = known.get(revision)
        shown = (attempt.said.get("state"), attempt.said.get("mode"))
        expected = (row.to_state, row.mode) if row else ("stopped", "paper")
        if shown != expected:
            yield f"{attempt} shows {shown} at revision {revision}, but the log says {expected}"


def a_frozen_process_delays_no_kill(history: History) -> Iterator[str]:
    """Every kill is answered in time, and by its row applied in time: a 202 or 503 does not count as a kill.

    While web or Postgres is away, only kills sent after a process froze with the lock are judged. (One that was under way in a
    frozen web process is answered when that process continues; the other process answers new ones.)
    """
    for attempt in history.attempts:
        if attempt.kind != "kill" or _is_excused(history, attempt):
            continue
        took = attempt.answered_at - attempt.sent_at
        if attempt.status is None:
            yield f"{attempt} was not answered, in {took:.2f} s"
        elif took > LONGEST_KILL_SEC:
            yield f"{attempt} was answered after {took:.2f} s"
        if attempt.status is not None and 400 <= attempt.status < 500:
            continue
        rows = history.rows_of[attempt.mark]
        if not any(_is_applied_in_time(row) for row in rows):
            yield f"{attempt} was not applied within {LONGEST_KILL_SEC:.0f} s: {', '.join(map(str, rows)) or 'no row'}"


def _is_excused(history: History, attempt: Attempt) -> bool:
    """Whether nobody could answer it, or its row was written in such a time, when it was sent before."""
    if attempt.client.startswith(KILLER):
        return False
    first = history.intentions[attempt.mark][0]
    return any(span.meets(first.sent_at, attempt.answered_at) for span in history.away)


def _is_applied_in_time(row: Row) -> bool:
    if row.status != "applied" or row.finished_at is None:
        return False
    return (row.finished_at - row.issued_at).total_seconds() <= LONGEST_KILL_SEC


def every_answer_is_described(history: History) -> Iterator[str]:
    for attempt in history.attempts:
        if attempt.status is None:
            continue
        if attempt.status not in contract.ANSWERS:
            yield f"{attempt} was answered {attempt.status}"
        elif attempt.status >= 400 and set(attempt.said) != {"error", "code", "details"}:
            yield f"{attempt} was not answered in the envelope: {str(attempt.body)[:200]}"
