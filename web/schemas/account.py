"""The schemas of the positions and the account at the last reading of the broker."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from web.schemas.base import Number, Shape


class PositionOut(Shape):
    symbol: str
    broker_shares: Number | None = Field(
        description="Shares at the broker, negative is short; null while they are unknown."
    )
    book_shares: Number = Field(description="Shares of the open trades; negative is short.")
    avg_entry_price: Number | None
    current_price: Number | None
    open_pnl: Number | None = Field(description="US dollars.")
    trade_ids: list[UUID] = Field(description="The open trades, the earliest first.")
    difference: Literal["unknown_here", "quantity", "side"] | str | None = Field(
        description="The kind of difference that the last usable report names."
    )


class PositionsOut(Shape):
    read_at: datetime | None = Field(description="When the broker was read; null before the first reading.")
    items: list[PositionOut]


class AccountOut(Shape):
    read_at: datetime | None = Field(
        None, description="When the broker was read; null, like the rest, before the first reading."
    )
    status: str | None = None
    equity: Number | None = Field(None, description="US dollars, like the other amounts.")
    last_equity: Number | None = Field(None, description="At the close of the trading day before.")
    buying_power: Number | None = None
    day_change: Number | None = None
    blocks: list[str] = Field([], description="What blocks the account from trading.")
