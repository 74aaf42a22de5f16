"""What the broker held of one symbol at the last reading, beside what the open trades hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from bot.booking.amounts import quotient
from bot.booking.rules import text
from bot.errors import NothingToSettle
from bot.models import (
    BotBrokerReading,
    BotIgnoredPosition,
    BotTrade,
    BotTradeExit,
    ExitSource,
    TradeStatus,
)
from bot.states import Mode

#: A reading older than this is not used for decisions. While the bot is stopped there is one every five minutes.
READING_COUNTS_FOR = timedelta(minutes=10)
ZERO = Decimal(0)


@dataclass(frozen=True)
class Held:
    """Both sides of one symbol. Shares are signed: negative is short."""

    symbol: str
    asset_id: str | None
    shares: Decimal
    #: The broker's average entry price, in US dollars per share.
    average_price: Decimal
    #: Shares of the open trades, and their cost in US dollars.
    booked: Decimal
    cost: Decimal
    ignored: Decimal

    @property
    def surplus(self) -> Decimal:
        """Shares at the broker for which neither the open trades nor an ``ignore`` accounts."""
        return self.shares - self.booked - self.ignored

    @property
    def both(self) -> str:
        """Both sides, as the beginning of a sentence."""
        return (
            f"Alpaca holds {text(self.shares)} shares of {self.symbol} and the open trades {text(self.booked)}"
            + (f", {text(self.ignored)} being ignored" if self.ignored else "")
        )

    @property
    def price_of_surplus(self) -> Decimal:
        """The entry price of the surplus: that at which it and the open trades together have the broker's average price."""
        if self.booked and self.surplus:
            left = quotient(self.shares * self.average_price - self.cost, self.surplus)
            if left > 0:
                return left
        return self.average_price


def held_of(session: Session, mode: Mode, symbol: str, now: datetime, *, asset_id: str | None = None) -> Held:
    """Both sides of *symbol* in *mode*; with *asset_id*, also those of the asset's present symbol.

    Raises:
        NothingToSettle: the broker was not read recently, or had too many positions to store; or a program has recorded an
            exit of the symbol since.
    """
    reading = session.get(BotBrokerReading, mode)
    if reading is None or now - reading.read_at > READING_COUNTS_FOR or reading.positions is None:
        raise NothingToSettle(
            "Alpaca's positions were not read within the last ten minutes, or are too many to store. Reconcile first, and see"
            " what it reports."
        )
    of_asset = [each for each in reading.positions if asset_id and each["assetId"] == asset_id]
    named = [each for each in reading.positions if each["symbol"] == symbol]
    position = next(iter([*of_asset, *named]), None)
    if position is not None:
        symbol, asset_id = position["symbol"], position["assetId"] or asset_id
    own = BotTrade.symbol == symbol
    if asset_id:
        # a symbol may belong to another asset than before
        own = or_(BotTrade.asset_id == asset_id, and_(own, BotTrade.asset_id.is_(None)))
    open_shares = BotTrade.shares - BotTrade.exited_shares
    booked, cost = session.execute(
        select(
            func.coalesce(func.sum(open_shares), ZERO),
            func.coalesce(func.sum(open_shares * BotTrade.entry_price), ZERO),
        ).where(BotTrade.status == TradeStatus.OPEN, own)
    ).one()
    _must_be_present(session, own, symbol, reading.read_at)
    ignored = session.get(BotIgnoredPosition, (mode, symbol))
    return Held(
        symbol=symbol,
        asset_id=asset_id,
        shares=Decimal(position["shares"]) if position else ZERO,
        average_price=Decimal(position["avgEntryPrice"]) if position else ZERO,
        booked=booked,
        cost=cost,
        ignored=ignored.shares if ignored else ZERO,
    )


def _must_be_present(session: Session, own: ColumnElement[bool], symbol: str, read_at: datetime) -> None:
    """Check that nothing was exited since the reading: those shares would seem to belong to no trade."""
    sold = (
        select(BotTradeExit.id)
        .join(BotTrade, BotTrade.id == BotTradeExit.trade_id)
        .where(
            own,
            BotTradeExit.created_at >= read_at,
            BotTradeExit.source.in_((ExitSource.LEDGER, ExitSource.FLATTEN)),
        )
        .limit(1)
    )
    if session.scalar(sold) is not None:
        raise NothingToSettle(
            f"Shares of {symbol} were exited since Alpaca was last read, at {read_at:%H:%M:%S} UTC. Reconcile first, and"
            " see what it reports."
        )
