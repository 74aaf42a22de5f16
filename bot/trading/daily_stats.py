"""Profit, and the statistics of a trading day."""

from __future__ import annotations

from datetime import datetime
from decimal import Context, Decimal

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.market_hours import trading_date
from bot.models import BotDailyStats
from bot.states import Mode

#: Enough digits for the product of any price and any number of shares.
_EXACT = Context(prec=60)


def profit(shares: Decimal, entry_price: Decimal, exit_price: Decimal) -> Decimal:
    """Profit in US dollars, exact; *shares* are negative for a short trade. Fees are not part of it."""
    return _EXACT.multiply(shares, _EXACT.subtract(exit_price, entry_price))


def count(session: Session, mode: Mode, pnl: Decimal, entry_at: datetime, exit_at: datetime) -> None:
    """Add one closed trade to the statistics of its mode and of the date, in New York, of its exit. A day trade is a round trip within one such date."""
    day, now = trading_date(exit_at), func.clock_timestamp()
    fresh = insert(BotDailyStats).values(
        date=day,
        mode=mode,
        realized_pnl=pnl,
        trade_count=1,
        day_trade_count=int(trading_date(entry_at) == day),
        created_at=now,
        updated_at=now,
    )
    session.execute(
        fresh.on_conflict_do_update(
            index_elements=[BotDailyStats.date, BotDailyStats.mode],
            set_={
                "realized_pnl": BotDailyStats.realized_pnl + fresh.excluded.realized_pnl,
                "trade_count": BotDailyStats.trade_count + fresh.excluded.trade_count,
                "day_trade_count": BotDailyStats.day_trade_count + fresh.excluded.day_trade_count,
                "updated_at": now,
            },
        )
    )
