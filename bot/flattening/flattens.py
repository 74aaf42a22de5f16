"""Flattens as rows: their start, the right to work on one, progress and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select, true, update
from sqlalchemy.orm import Session

from bot.broker.time_limits import FLATTEN_ROUND
from bot.models import BotFlatten, BotWorker, FlattenState
from bot.models.flatten import AT_WORK
from bot.states import Mode

#: How long the right to work on a flatten holds, in seconds: longer than a round. A process that dies loses it at once.
LEASE = timedelta(seconds=FLATTEN_ROUND.lease_sec)
#: How long web leaves a flatten to the workers: if none was seen for this long, or a round is this late, web works on it.
LEFT_TO_WORKER = timedelta(seconds=5)
_NOW = func.clock_timestamp()
#: A worker that was seen in the future is from before the clock was put back.
_NO_WORKER = ~exists().where(BotWorker.last_seen_at <= _NOW, BotWorker.last_seen_at > _NOW - LEFT_TO_WORKER)


@dataclass(frozen=True)
class Begun:
    """The flatten that does what was requested, and whether it was started by this request."""

    flatten: BotFlatten
    is_new: bool


def at_work(session: Session, *, lock: bool = False) -> BotFlatten | None:
    """The flatten that is not done yet; None when there is none. With *lock* no round reports about it until the transaction
    ends."""
    found = select(BotFlatten).where(BotFlatten.state.in_(AT_WORK))
    return session.scalars(found.with_for_update() if lock else found).one_or_none()


def latest(session: Session) -> BotFlatten | None:
    """The last one that was started."""
    return session.scalars(select(BotFlatten).order_by(BotFlatten.started_at.desc()).limit(1)).one_or_none()


def start(session: Session, command_id: UUID, mode: Mode, symbol: str | None, now: datetime) -> Begun:
    """Start a flatten, or have the one at work do it: it then flattens what both ask for."""
    found = at_work(session, lock=True)
    if found is not None and found.mode is not mode:
        # a switch leaves an account that is flat; what is asked for now is about the other one
        cancel(session, now)
        session.flush()
        found = None
    if found is not None:
        if found.symbols is not None:
            found.symbols = None if symbol is None else sorted({*found.symbols, symbol})
        found.next_round_at, found.found_flat_at = now, None
        found.attempts += (
            1  # makes the result of a round under way count no longer: it does not cover the new request
        )
        return Begun(found, is_new=False)
    symbols = None if symbol is None else [symbol]
    made = BotFlatten(command_id=command_id, mode=mode, symbols=symbols, started_at=now, next_round_at=now)
    session.add(made)
    return Begun(made, is_new=True)


def due(session: Session, *, is_worker: bool) -> UUID | None:
    """The flatten whose next round is due and which this process may work on: first a worker, then any process."""
    return session.scalars(select(BotFlatten.command_id).where(*_is_due(is_worker))).one_or_none()


def is_due(*, is_worker: bool) -> ColumnElement[bool]:
    """The condition that there is one."""
    return exists().where(*_is_due(is_worker))


def claim(session: Session, command_id: UUID, *, is_worker: bool, is_free: bool) -> BotFlatten | None:
    """Take the right to its next round, if that is due. *is_free* says that this process holds the lock of the flatten, so
    that nobody else is at it; one that has had the lock for longer than its lease is frozen."""
    expired = BotFlatten.leased_until < _NOW
    return session.scalars(
        update(BotFlatten)
        .where(BotFlatten.command_id == command_id, *_is_due(is_worker), true() if is_free else expired)
        .values(leased_until=_NOW + LEASE, attempts=BotFlatten.attempts + 1)
        .returning(BotFlatten)
        .execution_options(synchronize_session=False)
    ).one_or_none()


def report(
    session: Session,
    command_id: UUID,
    attempt: int,
    *,
    sent: Sequence[dict[str, Any]],
    next_in: timedelta,
    **values: Any,
) -> bool:
    """Write what the round *attempt* came to, and let go of the right to work; *values* are columns, *sent* the orders that it
    sent.

    Returns:
        False when the flatten was asked for again or cancelled meanwhile, or another process took it over: then only the
        orders are written, because the next round has to know them for its own.
    """
    _keep(session, command_id, sent)
    if values.get("state") is FlattenState.FLAT:
        values["finished_at"] = _NOW
    done = session.execute(
        update(BotFlatten)
        .where(
            BotFlatten.command_id == command_id,
            BotFlatten.attempts == attempt,
            BotFlatten.state.in_(AT_WORK),
        )
        .values(leased_until=None, next_round_at=_NOW + next_in, **values)
        .returning(BotFlatten.command_id)
        .execution_options(synchronize_session=False)
    )
    return done.scalar_one_or_none() is not None


def _keep(session: Session, command_id: UUID, sent: Sequence[dict[str, Any]]) -> None:
    if not sent:
        return
    row = session.get_one(BotFlatten, command_id, with_for_update=True)
    known = {each["id"] for each in row.closing_orders}
    row.closing_orders = [*row.closing_orders, *(each for each in sent if each["id"] not in known)]


def is_left_to_others(session: Session) -> bool:
    """Whether no worker was seen for LEFT_TO_WORKER."""
    return bool(session.scalar(select(_NO_WORKER)))


def cancel(session: Session, now: datetime) -> BotFlatten | None:
    """End the flatten at work, and give it; None when there is none."""
    found = at_work(session, lock=True)
    if found is not None:
        found.state, found.finished_at, found.leased_until = FlattenState.CANCELLED, now, None
    return found


def _is_due(is_worker: bool) -> list[ColumnElement[bool]]:
    due = [BotFlatten.state.in_(AT_WORK), BotFlatten.next_round_at <= _NOW]
    if not is_worker:
        due.append(or_(_NO_WORKER, BotFlatten.next_round_at < _NOW - LEFT_TO_WORKER))
    return due
