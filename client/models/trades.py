"""Trades, their changes, and the statistics of a day."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from client.models.base import Answer
from client.words import Mode, TradeStatus


class Trade(Answer):
    """A trade in the books; negative shares are short."""

    id: UUID
    symbol: str
    entry_price: Decimal
    exit_price: Decimal | None
    shares: Decimal
    exited_shares: Decimal
    pnl: Decimal | None
    catalyst_type: str | None
    catalyst_tier: int | None
    exit_reason: str | None
    status: TradeStatus | str
    note: str | None
    mode: str | None
    filled: bool
    asset_id: str | None
    adjusted_at: datetime | None
    acknowledged_at: datetime | None
    alpaca_order_id: str | None
    alpaca_exit_order_id: str | None
    entry_at: datetime
    exit_at: datetime | None
    created_at: datetime
    updated_at: datetime


class TradeEvent(Answer):
    """One change of one trade."""

    id: int
    trade_id: UUID
    kind: str
    before: dict[str, Any]
    after: dict[str, Any]
    actor: str
    reason: str | None
    command_id: UUID | None
    request_key: str | None
    at: datetime


class DailyStats(Answer):
    """The statistics of one trading day in one mode."""

    date: date
    mode: Mode | str
    realized_pnl: Decimal
    trade_count: int
    day_trade_count: int
    created_at: datetime
    updated_at: datetime
