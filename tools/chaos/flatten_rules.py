"""What must hold of flattens. Each rule yields a sentence for every breach."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tools.chaos.history import Flatten, History, Row


def every_flatten_ends(history: History) -> Iterator[str]:
    for flatten in history.flattens:
        if flatten.finished_at is None:
            waited = (history.read_at - flatten.started_at).total_seconds()
            yield f"{flatten} is still {flatten.state} after {waited:.1f} s"


def what_was_asked_to_be_flattened_is(history: History) -> Iterator[str]:
    """By a flatten of its own, or by the one that was at work."""
    for row in history.applied:
        if _flattens(row) and not any(_covers(flatten, row) for flatten in history.flattens):
            yield f"{row} was applied, and no flatten was at work then"


def flattens_come_from_applied_commands_one_at_a_time(history: History) -> Iterator[str]:
    for flatten in history.flattens:
        row = history.by_id.get(flatten.command_id)
        if row is None or row.status != "applied" or not _flattens(row):
            yield f"{flatten} was started by {row or 'a command that is not in the log'}"
    for first, second in pairwise(sorted(history.flattens, key=lambda each: each.started_at)):
        if first.finished_at is None or first.finished_at > second.started_at:
            yield f"{second} was started while {first} was at work"


def _flattens(row: Row) -> bool:
    if row.kind == "flatten":
        return not row.params.get("cancel")
    return row.params.get("flatten") is True


def _covers(flatten: Flatten, row: Row) -> bool:
    """Whether *flatten* was at work when *row* took effect."""
    at = row.finished_at
    return flatten.command_id == row.id or (
        at is not None
        and flatten.started_at <= at
        and (flatten.finished_at is None or flatten.finished_at >= at)
    )
