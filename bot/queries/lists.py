"""What lists show, newest first, as statements; whoever runs one says how many rows it wants."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_

from bot.models import (
    BotCommand,
    BotDailyStats,
    BotReconciliation,
    BotTrade,
    BotTradeEvent,
    Outcome,
    TradeStatus,
    Trigger,
)
from bot.states import CommandKind, CommandStatus, Mode, Source


def commands(
    *,
    before_seq: int | None = None,
    kinds: Collection[CommandKind] = (),
    statuses: Collection[CommandStatus] = (),
    sources: Collection[Source] = (),
    actor: str | None = None,
    since: datetime | None = None,
) -> Select[BotCommand]:
    """The commands that match all that is given; *since* is the earliest time of issue."""
    query = select(BotCommand).order_by(BotCommand.seq.desc())
    if before_seq is not None:
        query = query.where(BotCommand.seq < before_seq)
    for column, values in (
        (BotCommand.kind, kinds),
        (BotCommand.status, statuses),
        (BotCommand.source, sources),
    ):
        query = _one_of(query, column, values)
    if actor is not None:
        query = query.where(BotCommand.actor == actor)
    return query if since is None else query.where(BotCommand.issued_at >= since)


def trades(
    *,
    before: tuple[datetime, UUID] | None = None,
    statuses: Collection[TradeStatus] = (),
    symbol: str | None = None,
) -> Select[BotTrade]:
    """The trades that match all that is given; *before* is creation time and id of the last one shown."""
    query = select(BotTrade).order_by(BotTrade.created_at.desc(), BotTrade.id.desc())
    if before is not None:
        query = query.where(tuple_(BotTrade.created_at, BotTrade.id) < tuple_(*before))
    query = _one_of(query, BotTrade.status, statuses)
    return query if symbol is None else query.where(BotTrade.symbol == symbol.upper())


def trade_events(trade_id: UUID, *, before_id: int | None = None) -> Select[BotTradeEvent]:
    """What changed on one trade."""
    query = select(BotTradeEvent).where(BotTradeEvent.trade_id == trade_id).order_by(BotTradeEvent.id.desc())
    return query if before_id is None else query.where(BotTradeEvent.id < before_id)


def daily_stats(
    *,
    before: tuple[date, Mode] | None = None,
    modes: Collection[Mode] = (),
    since: date | None = None,
    until: date | None = None,
) -> Select[BotDailyStats]:
    """The statistics of the trading dates from *since* to *until*, both included."""
    query = select(BotDailyStats).order_by(BotDailyStats.date.desc(), BotDailyStats.mode.desc())
    if before is not None:
        query = query.where(tuple_(BotDailyStats.date, BotDailyStats.mode) < tuple_(*before))
    query = _one_of(query, BotDailyStats.mode, modes)
    if since is not None:
        query = query.where(BotDailyStats.date >= since)
    return query if until is None else query.where(BotDailyStats.date <= until)


class Agreement(StrEnum):
    """What a reconciliation came to."""

    AGREES = "agrees"
    DISAGREES = "disagrees"  # both sides were read, and hold different quantities
    FAILED = "failed"  # the broker gave no usable answer


_DIFFERS = func.jsonb_array_length(BotReconciliation.differences) > 0
_VERDICTS: Mapping[Agreement, ColumnElement[bool]] = {
    Agreement.AGREES: and_(BotReconciliation.outcome == Outcome.OK, ~_DIFFERS),
    Agreement.DISAGREES: and_(BotReconciliation.outcome == Outcome.OK, _DIFFERS),
    Agreement.FAILED: BotReconciliation.outcome == Outcome.FAILED,
}


def reconciliations(
    *,
    before_id: int | None = None,
    outcomes: Collection[Outcome] = (),
    triggers: Collection[Trigger] = (),
    verdicts: Collection[Agreement] = (),
) -> Select[BotReconciliation]:
    """The reports that match all that is given."""
    query = select(BotReconciliation).order_by(BotReconciliation.id.desc())
    if before_id is not None:
        query = query.where(BotReconciliation.id < before_id)
    if verdicts:
        query = query.where(or_(*(_VERDICTS[each] for each in verdicts)))
    query = _one_of(query, BotReconciliation.outcome, outcomes)
    return _one_of(query, BotReconciliation.trigger, triggers)


def report_of(command_id: UUID) -> Select[BotReconciliation]:
    """The report that the ``reconcile`` with this id led to."""
    return select(BotReconciliation).where(BotReconciliation.command_id == command_id)


def _one_of(query: Select[Any], column: Any, values: Collection[Any]) -> Select[Any]:
    return query.where(column.in_(values)) if values else query
