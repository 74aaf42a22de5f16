"""Which rows may be archived: old, finished ones that nothing in the database still needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from bot.models import (
    Base,
    BotCommand,
    BotFlatten,
    BotReconciliation,
    BotTrade,
    BotTradeEvent,
    TradeStatus,
)
from bot.states import CommandStatus


@dataclass(frozen=True)
class Archivable:
    """A table with rows that may be archived."""

    model: type[Base]
    #: Numbers its rows in the order in which they were inserted.
    key: InstrumentedAttribute[int]
    #: The condition that a row may be archived that is older than the given time.
    may_leave: Callable[[datetime], ColumnElement[bool]]


def _commands(up_to: datetime) -> ColumnElement[bool]:
    """Finished commands, except: the last applied one, from which the bot's row could be restored; the last one of the chain, whose
    hash the next one needs; and those that a remaining report or flatten refers to."""
    last = select(func.max(BotCommand.revision)).scalar_subquery()
    head = select(func.max(BotCommand.link)).scalar_subquery()
    return and_(
        BotCommand.status != CommandStatus.QUEUED,
        BotCommand.finished_at < up_to,
        or_(BotCommand.revision.is_(None), BotCommand.revision < last),
        or_(BotCommand.link.is_(None), BotCommand.link < head),
        ~select(BotReconciliation.id).where(BotReconciliation.command_id == BotCommand.id).exists(),
        ~select(BotFlatten.command_id).where(BotFlatten.command_id == BotCommand.id).exists(),
    )


def _events(up_to: datetime) -> ColumnElement[bool]:
    """Events of trades that have ended with a result, or are acknowledged to have none."""
    trade = aliased(BotTrade)
    unsettled = and_(trade.status == TradeStatus.MISSED, trade.filled, trade.acknowledged_at.is_(None))
    at_work = (
        select(trade.id)
        .where(trade.id == BotTradeEvent.trade_id, or_(trade.status == TradeStatus.OPEN, unsettled))
        .exists()
    )
    return and_(BotTradeEvent.at < up_to, ~at_work)


def _reports(up_to: datetime) -> ColumnElement[bool]:
    """All reports except the last of each mode and outcome, which the gate and the panel use."""
    report = aliased(BotReconciliation)
    last = select(func.max(report.id)).group_by(report.mode, report.outcome)
    return and_(BotReconciliation.finished_at < up_to, BotReconciliation.id.not_in(last))


#: In the order of archiving: a report refers to its command.
ARCHIVABLE: Mapping[str, Archivable] = {
    "bot_reconciliation": Archivable(BotReconciliation, BotReconciliation.id, _reports),
    "bot_trade_event": Archivable(BotTradeEvent, BotTradeEvent.id, _events),
    "bot_command": Archivable(BotCommand, BotCommand.seq, _commands),
}


def row_as_json(model: type[Base]) -> ColumnElement[str]:
    """A row in Postgres's own JSON: all columns, nothing rounded."""
    return cast(func.to_jsonb(literal_column(model.__tablename__)), Text)
