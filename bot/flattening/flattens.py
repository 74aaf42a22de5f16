"""Flattens as rows: starting one, the right to work on it, its progress and its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from bot.models import BotFlatten, FlattenState
from bot.models.flatten import AT_WORK
from bot.states import Mode

#: How long the right to work on a flatten holds, in seconds: longer than a round, so that one works at a time, and short,
#: since a process that was killed keeps it for that long.
LEASE_SEC = 12.0
_NOW = func.clock_timestamp()


def at_work(session: Session) -> BotFlatten | None:
    """The flatten that is not done yet; None when there is none."""
    return session.scalars(select(BotFlatten).where(BotFlatten.state.in_(AT_WORK))).one_or_none()


def latest(session: Session) -> BotFlatten | None:
    """The last one that was started."""
    return session.scalars(
        select(BotFlatten).order_by(BotFlatten.started_at.desc()).limit(1)
    ).one_or_none()


def start(session: Session, command_id: UUID, mode: Mode, symbol: str | None, now: datetime) -> BotFlatten:
    """Start a flatten, or join the one at work: one of a single symbol becomes one of all, if all is asked for."""
    found = at_work(session)
    if found is not None:
        if found.symbol is not None and found.symbol != symbol:
            found.symbol = None
        found.next_round_at = now
        found.found_flat_at = None
        return found
    made = BotFlatten(command_id=command_id, mode=mode, symbol=symbol, started_at=now, next_round_at=now)
    session.add(made)
    return made


def claim(session: Session) -> BotFlatten | None:
    """Take the right to the next round of the flatten at work, if it is due and nobody has it."""
    claimed = session.execute(
        update(BotFlatten)
        .where(
            BotFlatten.state.in_(AT_WORK),
            BotFlatten.next_round_at <= _NOW,
            or_(BotFlatten.leased_until.is_(None), BotFlatten.leased_until < _NOW),
        )
        .values(leased_until=_NOW + timedelta(seconds=LEASE_SEC), attempts=BotFlatten.attempts + 1)
        .returning(BotFlatten.command_id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return None if claimed is None else session.get_one(BotFlatten, claimed)


def report(
    session: Session,
    command_id: UUID,
    attempt: int,
    *,
    state: FlattenState,
    orders_left: int | None = None,
    positions_left: Sequence[dict[str, Any]] | None = None,
    error: str | None = None,
    found_flat_at: datetime | None = None,
    next_in: timedelta,
) -> bool:
    """Write what the round *attempt* came to, and let go of the right to work.

    Returns:
        False when the flatten was cancelled meanwhile, or another process took it over: then nothing is written.
    """
    values: dict[str, Any] = {
        "state": state,
        "error": error,
        "found_flat_at": found_flat_at,
        "leased_until": None,
        "next_round_at": _NOW + next_in,
    }
    if orders_left is not None:
        values["orders_left"] = orders_left
    if positions_left is not None:
        values["positions_left"] = list(positions_left)
    if state is FlattenState.FLAT:
        values["finished_at"] = _NOW
    done = session.execute(
        update(BotFlatten)
        .where(
            BotFlatten.command_id == command_id,
            BotFlatten.attempts == attempt,
            BotFlatten.state.in_(AT_WORK),
        )
        .values(**values)
        .returning(BotFlatten.command_id)
        .execution_options(synchronize_session=False)
    )
    return done.scalar_one_or_none() is not None


def cancel(session: Session, now: datetime) -> bool:
    """End the flatten at work; False when there is none."""
    found = at_work(session)
    if found is None:
        return False
    found.state, found.finished_at, found.leased_until = FlattenState.CANCELLED, now, None
    return True
