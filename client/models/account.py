"""The account at the broker and its positions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from client.models.base import Answer


class Position(Answer):
    """One symbol at the broker and in the books; negative shares are short."""

    symbol: str
    broker_shares: Decimal | None
    book_shares: Decimal
    avg_entry_price: Decimal | None
    current_price: Decimal | None
    open_pnl: Decimal | None
    trade_ids: list[UUID]
    difference: str | None


class Positions(Answer):
    """All positions, as of one reading of the broker."""

    read_at: datetime | None
    items: list[Position]


class Account(Answer):
    """The account at the broker; amounts are US dollars."""

    read_at: datetime | None = None
    status: str | None = None
    equity: Decimal | None = None
    last_equity: Decimal | None = None
    buying_power: Decimal | None = None
    day_change: Decimal | None = None
    blocks: list[str] = []
