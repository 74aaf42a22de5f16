"""Statements for lists, newest first; the caller sets the limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, or_, select, tuple_

from bot.models import (
    BotCommand,
    BotDailyStats,
    BotReconciliation,
    BotTrade,
    BotTradeEvent,
    Outcome,
    Trigger,
)
from bot.queries.trade_filter import TradeFilter
from bot.states import CommandKind, CommandStatus, Mode, Source


def commands(
    *,
    before_seq: int | None = None,
    kinds: Collection[CommandKind] = (),
    statuses: Collection[CommandStatus] = (),
    sources: Collection[Source] = (),
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    text: str | None = None,
) -> Select[BotCommand]:
    """The commands that match all conditions: issued at *since* or later and before *until*, with *text* in any of the columns
    of ``_SEARCHED``."""
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
    if text is not None:
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in _SEARCHED)))
    return _between(query, BotCommand.issued_at, since, until)


#: The columns of a command in which a text is searched.
_SEARCHED = (
    BotCommand.reason,
    BotCommand.error,
    BotCommand.actor,
    cast(BotCommand.kind, Text),
    cast(BotCommand.params, Text),
    cast(BotCommand.id, Text),
)


def trades(
    *,
    before: tuple[datetime, UUID] | None = None,
    which: TradeFilter = TradeFilter(),  # noqa: B008 - it cannot be changed
) -> Select[BotTrade]:
    """The trades that *which* describes; *before* is creation time and id of the last one shown."""
    query = select(BotTrade).order_by(BotTrade.created_at.desc(), BotTrade.id.desc())
    if before is not None:
        query = query.where(tuple_(BotTrade.created_at, BotTrade.id) < tuple_(*before))
    return which.narrow(query)


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
    """The result of a reconciliation."""

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
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[BotReconciliation]:
    """The reports that match all conditions: finished at *since* or later and before *until*."""
    query = select(BotReconciliation).order_by(BotReconciliation.id.desc())
    if before_id is not None:
        query = query.where(BotReconciliation.id < before_id)
    if verdicts:
        query = query.where(or_(*(_VERDICTS[each] for each in verdicts)))
    query = _one_of(query, BotReconciliation.outcome, outcomes)
    query = _one_of(query, BotReconciliation.trigger, triggers)
    return _between(query, BotReconciliation.finished_at, since, until)


def report_of(command_id: UUID) -> Select[BotReconciliation]:
    """The report of the ``reconcile`` with this id."""
    return select(BotReconciliation).where(BotReconciliation.command_id == command_id)


def _between(query: Select[Any], column: Any, since: datetime | None, until: datetime | None) -> Select[Any]:
    if since is not None:
        query = query.where(column >= since)
    return query if until is None else query.where(column < until)


def _one_of(query: Select[Any], column: Any, values: Collection[Any]) -> Select[Any]:
    return query.where(column.in_(values)) if values else query
