"""What stays open when the bot is stopped: positions and working orders, as the database knows them. The broker is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.storage.pipeline import Pipeline
from bot.storage.statements import EXPOSURE


@dataclass(frozen=True)
class OpenPosition:
    """Shares of one symbol."""

    symbol: str
    #: Signed: negative is short.
    shares: Decimal


@dataclass(frozen=True)
class WorkingOrder:
    """An entry that is not known to have filled; its id is Alpaca's, if it was recorded."""

    order_id: str | None
    symbol: str
    shares: Decimal


@dataclass(frozen=True)
class Exposure:
    """What stays open at the broker when the bot is stopped."""

    #: When the broker's positions were last read; None if they never were, or were too many to store.
    read_at: datetime | None
    positions: Sequence[OpenPosition]
    working_orders: Sequence[WorkingOrder]


def read(batch: Pipeline) -> Exposure:
    """What stays open of the present mode: the broker's positions as they were last read, and the shares of trades that are
    open in the database and not among them."""
    [(read_at, known, trades)] = batch.send(EXPOSURE())
    held = {str(row["symbol"]): Decimal(str(row["shares"])) for row in known or ()}
    booked: dict[str, Decimal] = {}
    working = []
    for symbol, order_id, is_filled, shares, open_shares in trades:
        if not is_filled:
            working.append(WorkingOrder(order_id, symbol, Decimal(shares)))
        elif symbol not in held:
            booked[symbol] = booked.get(symbol, Decimal(0)) + Decimal(open_shares)
    return Exposure(
        read_at=None if known is None else read_at,
        positions=[OpenPosition(symbol, shares) for symbol, shares in sorted((held | booked).items())],
        working_orders=working,
    )
