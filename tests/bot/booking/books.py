"""Trades of Monday and Tuesday, and what is booked of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.booking import Author, Booking
from bot.models import BotTrade, BotTradeExit, ExitSource, TradeStatus
from tests.bot.ledger_world import World

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
ANN = Author("ann", reason="seen at the broker", command_id=uuid4(), request_key="key-1")


def add(world: World, **changes: Any) -> UUID:
    """An open paper trade of 100 shares at 10.00, filled on Monday."""
    facts: dict[str, Any] = {
        "symbol": "ACME",
        "shares": Decimal(100),
        "entry_price": Decimal(10),
        "entry_at": MONDAY,
        "mode": "paper",
        "filled": True,
        "status": TradeStatus.OPEN,
        **changes,
    }

    def insert(session: Session) -> UUID:
        trade = BotTrade(id=uuid4(), **facts)
        session.add(trade)
        return trade.id

    return world.database.run(insert)


def book(world: World, trade_id: UUID, work: Callable[[Booking, BotTrade], Any]) -> BotTrade:
    """Do *work* in a transaction of its own."""

    def locked(session: Session) -> BotTrade:
        trade = session.get_one(BotTrade, trade_id)
        with Booking(session, ANN) as books:
            work(books, trade)
        session.refresh(trade)
        return trade

    return world.database.run(locked)


def leave(
    world: World, trade_id: UUID, shares: int | str, price: str, at: datetime = MONDAY, **more: Any
) -> BotTrade:
    more.setdefault("source", ExitSource.RECONCILIATION)
    return book(
        world,
        trade_id,
        lambda books, trade: books.book_exit(
            trade, shares=Decimal(shares), price=Decimal(price), at=at, **more
        ),
    )


def exits(world: World, trade_id: UUID) -> list[BotTradeExit]:
    query = select(BotTradeExit).where(BotTradeExit.trade_id == trade_id).order_by(BotTradeExit.id)
    return list(world.database.read(lambda session: session.scalars(query).all()))
