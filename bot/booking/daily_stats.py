"""The statistics of each trading day and mode, updated by differences: what a trade counted before, and what it counts now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.booking.amounts import EXACT
from bot.market_hours import trading_date
from bot.models import BotDailyStats, BotTrade, BotTradeExit, TradeStatus
from bot.states import Mode

Day = tuple[date, Mode]


@dataclass
class Counts:
    """What is counted on one date in one mode."""

    pnl: Decimal = field(default_factory=Decimal)
    trades: int = 0
    day_trades: int = 0

    def add(self, pnl: Decimal, trades: int, day_trades: int) -> None:
        """Add a P&L, in US dollars, and so many closed trades and day trades."""
        self.pnl = EXACT.add(self.pnl, pnl)
        self.trades += trades
        self.day_trades += day_trades


def counts_of(trade: BotTrade, exits: Iterable[BotTradeExit]) -> dict[Day, Counts]:
    """What *trade* counts for on each date in New York.

    The P&L of each exit counts on the date of that exit. The trade itself counts once it is closed, on the date of its
    last exit; it is a day trade if its entry was on that date too.
    """
    mode = trade.mode or Mode.PAPER
    found: dict[Day, Counts] = defaultdict(Counts)
    for exit_ in exits:
        found[trading_date(exit_.at), mode].add(exit_.pnl, 0, 0)
    if trade.status is TradeStatus.CLOSED and trade.exit_at is not None:
        day = trading_date(trade.exit_at)
        found[day, mode].add(Decimal(0), 1, int(trading_date(trade.entry_at) == day))
    return found


def write(session: Session, changes: dict[Day, Counts]) -> None:
    """Add *changes* to the statistics; they may be negative."""
    now = func.clock_timestamp()
    # always in the same order, as everywhere that locks several rows
    rows = [
        {
            "date": day,
            "mode": mode,
            "realized_pnl": change.pnl,
            "trade_count": change.trades,
            "day_trade_count": change.day_trades,
        }
        for (day, mode), change in sorted(changes.items())
        if change != Counts()
    ]
    if not rows:
        return
    fresh = insert(BotDailyStats).values([{**row, "created_at": now, "updated_at": now} for row in rows])
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
