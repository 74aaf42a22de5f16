"""The order of issue: what must hold between when a command was sent and when it took effect. Each rule yields a sentence for
every breach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tools.chaos import contract
from tools.chaos.history import History, Row

#: A sender's clock may be ahead by this much, in seconds.
MOST_AHEAD_SEC = 2.0


def nothing_sent_before_a_halt_takes_effect_after_it(history: History) -> Iterator[str]:
    """By the sender's own log, whatever the message or the row says, and whichever of the two rows came first."""
    halts = [row for row in history.rows if row.kind in contract.HALTS and _is_judged(row)]
    for row in history.applied:
        if row.kind not in contract.CALLED_OFF:
            continue
        # what makes the bot safer is taken whatever its sender's clock says; the message tells nobody when it was really sent
        is_taken_as_read = row.kind in contract.SAFER and _is_ahead(history, row)
        issued = row.issued_at if is_taken_as_read else _issued(history, row)
        for halt in halts:
            if issued < _issued(history, halt) and _came_after(row, halt):
                yield f"{row}, sent at {issued:%H:%M:%S.%f}, took effect after {halt}, issued at {halt.issued_at:%H:%M:%S.%f}"
                break


def old_thresholds_do_not_replace_newer_ones(history: History) -> Iterator[str]:
    newest: Row | None = None
    for row in history.applied:
        if row.kind != "update_config":
            continue
        sent = history.sent.get(row.id)
        # one that does not say when it was sent counts as sent when it is read
        says_when = sent is not None and sent.said_at is not None
        if newest is not None and says_when and _issued(history, row) < newest.issued_at:
            yield f"{row} was applied after {newest}, which was issued later"
        if newest is None or row.issued_at > newest.issued_at:
            newest = row


def what_says_no_time_or_a_future_one_is_rejected(history: History) -> Iterator[str]:
    for row in history.applied:
        sent = history.sent.get(row.id)
        if sent is None or row.kind in contract.SAFER:
            continue
        if sent.said_at is None and row.kind in contract.CALLED_OFF:
            yield f"{row} was applied, although its message says no time"
        if sent.said_at is not None and _is_ahead(history, row) and _was_ahead(row, sent.said_at):
            yield f"{row} was applied, although its message was sent in the future"


def _is_ahead(history: History, row: Row) -> bool:
    """Whether a message says a later time than that at which it was sent."""
    sent = history.sent.get(row.id)
    return sent is not None and sent.said_at is not None and sent.said_at - sent.sent_at > MOST_AHEAD_SEC


def _was_ahead(row: Row, said_at: float) -> bool:
    """Whether the time was yet to come when the command was read. (Read after it, it is only old.)"""
    return said_at - row.issued_at.timestamp() > MOST_AHEAD_SEC


def _issued(history: History, row: Row) -> datetime:
    sent = history.sent.get(row.id)
    return row.issued_at if sent is None else min(datetime.fromtimestamp(sent.sent_at, UTC), row.issued_at)


def _is_judged(row: Row) -> bool:
    return row.status == "applied" or (row.status == "rejected" and row.error_code == "invalid_transition")


def _came_after(row: Row, halt: Row) -> bool:
    """Whether *row* was applied after *halt* had been judged."""
    if row.revision is not None and halt.revision is not None:
        return row.revision > halt.revision
    return row.finished_at is not None and halt.finished_at is not None and row.finished_at > halt.finished_at
