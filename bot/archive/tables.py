"""Which rows may leave: what is old and finished, and what nothing in the database still needs."""

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
    """A table of which rows may leave."""

    model: type[Base]
    #: Numbers its rows, in the order in which they came.
    key: InstrumentedAttribute[int]
    #: Whether a row may leave that is older than the time given.
    may_leave: Callable[[datetime], ColumnElement[bool]]


def _commands(up_to: datetime) -> ColumnElement[bool]:
    """Finished ones; but not the last applied one, from which the bot's row could be made again, the last one of the chain, which
    the next one is hashed with, nor one that a report or a flatten, which stay longer, says it came from."""
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
    """Those of trades that have ended, with their result or acknowledged to have none."""
    trade = aliased(BotTrade)
    unsettled = and_(trade.status == TradeStatus.MISSED, trade.filled, trade.acknowledged_at.is_(None))
    at_work = (
        select(trade.id)
        .where(trade.id == BotTradeEvent.trade_id, or_(trade.status == TradeStatus.OPEN, unsettled))
        .exists()
    )
    return and_(BotTradeEvent.at < up_to, ~at_work)


def _reports(up_to: datetime) -> ColumnElement[bool]:
    """All but the last of each mode and outcome: the gate and the panel go by them."""
    report = aliased(BotReconciliation)
    last = select(func.max(report.id)).group_by(report.mode, report.outcome)
    return and_(BotReconciliation.finished_at < up_to, BotReconciliation.id.not_in(last))


#: In the order in which they leave: a report names its command.
ARCHIVABLE: Mapping[str, Archivable] = {
    "bot_reconciliation": Archivable(BotReconciliation, BotReconciliation.id, _reports),
    "bot_trade_event": Archivable(BotTradeEvent, BotTradeEvent.id, _events),
    "bot_command": Archivable(BotCommand, BotCommand.seq, _commands),
}


def row_as_json(model: type[Base]) -> ColumnElement[str]:
    """A row as Postgres itself writes it in JSON: all columns, nothing rounded."""
    return cast(func.to_jsonb(literal_column(model.__tablename__)), Text)
