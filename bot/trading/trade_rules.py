"""Rules for what is recorded of a trade."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from pydantic.alias_generators import to_camel
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from bot.booking.rules import conflict, side
from bot.errors import TradeConflict
from bot.models import BotTrade, BotTradeEvent
from bot.reconciliation.bookkeeping import ACTOR
from bot.trading import trade_requests

#: How far the broker's clock may be ahead of the database's.
CLOCK_SKEW = timedelta(seconds=5)


def of_order(session: Session, column: InstrumentedAttribute[str | None], order_id: str) -> BotTrade | None:
    """The trade whose order, of entry or exit, has this id."""
    return session.scalars(select(BotTrade).where(column == order_id)).one_or_none()


def entered_by(session: Session, order_id: str) -> BotTrade | None:
    """The trade that this order entered, or a later order of its chain.

    An order that was replaced at the broker still identifies its trade: an executor that does not know of the replacement
    continues to use it.
    """
    if trade := of_order(session, BotTrade.alpaca_order_id, order_id):
        return trade
    replaced = select(BotTradeEvent.trade_id).where(
        BotTradeEvent.actor == ACTOR, BotTradeEvent.before["alpacaOrderId"].astext == order_id
    )
    trade_id = session.scalars(replaced.limit(1)).first()
    return None if trade_id is None else session.get(BotTrade, trade_id)


def must_be_free(
    session: Session, trade: BotTrade, column: InstrumentedAttribute[str | None], order_id: str
) -> None:
    """Check that an order, of entry or exit, belongs to no other trade.

    Raises:
        TradeConflict: it belongs to another trade.
    """
    enters = column is BotTrade.alpaca_order_id
    owner = entered_by(session, order_id) if enters else of_order(session, column, order_id)
    if owner is not None and owner is not trade:
        raise belongs_to(owner, order_id)


def belongs_to(owner: BotTrade, order_id: str) -> TradeConflict:
    """What to raise where another trade has the order."""
    return TradeConflict(f"Order {order_id} belongs to trade {owner.id}.", details={"tradeId": str(owner.id)})


def must_be_of_side(trade: BotTrade, shares: Decimal) -> None:
    """Check that a trade stays long, or short.

    Raises:
        TradeConflict: *shares* are of the other side.
    """
    if shares * trade.shares < 0:
        raise conflict(trade, f"Trade {trade.id} is {side(trade.shares)}, but its fill is {side(shares)}.")


def must_agree(trade: BotTrade, said: trade_requests.TradeRequest, *names: str) -> None:
    """Check that a repeated request has the recorded data; fields that it leaves out do not count.

    Raises:
        TradeConflict: naming the fields that differ.
    """
    if different := differences(trade, said, *names):
        raise TradeConflict(
            f"Trade {trade.id} is recorded with another {', '.join(different)}; nothing was changed.",
            details={"tradeId": str(trade.id), "fields": different},
        )


def differences(trade: BotTrade, said: trade_requests.TradeRequest, *names: str) -> list[str]:
    """Those of the fields *names* that were given and differ from the recorded ones, by their names in JSON."""
    return [
        to_camel(name)
        for name in names
        if (value := getattr(said, name)) is not None and value != getattr(trade, name)
    ]


def must_have_been(now: datetime, **times: datetime | None) -> None:
    """Check that nothing filled in the future.

    Raises:
        InvalidParams: one of *times*, by their names in JSON, is later than *now*, the database's clock.
    """
    for name, at in times.items():
        if at is not None and at > now + CLOCK_SKEW:
            raise trade_requests.invalid(**{name: [f"is in the future: it is {now.isoformat()} now"]})
