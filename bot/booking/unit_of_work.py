"""What all changes of trades have in common: exits, the statistics of the days, and the event that records the change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.booking import daily_stats, rules
from bot.booking.amounts import average, total
from bot.booking.author import Author
from bot.booking.daily_stats import Counts, Day, counts_of
from bot.booking.events import event, told, told_exit
from bot.models import BotTrade, BotTradeEvent, BotTradeExit, TradeEventKind, TradeStatus


class UnitOfWork:
    """Collects the consequences of changes of trades of *session*, and writes them when the ``with`` block ends without an error.

    The events name *author*.
    """

    def __init__(self, session: Session, author: Author) -> None:
        self._session = session
        self._author = author
        self._exits: dict[UUID, list[BotTradeExit]] = {}
        self._exit_orders: dict[str, bool] = {}
        self._counts: dict[Day, Counts] = defaultdict(Counts)
        self._events: list[BotTradeEvent] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.write()

    def load(self, trades: Iterable[BotTrade], exit_orders: Iterable[str] = ()) -> None:
        """Read the exits of many *trades*, and the trades with these *exit_orders*, in two statements instead of two per trade."""
        missing = [trade.id for trade in trades if trade.id not in self._exits]
        if missing:
            self._exits |= {trade_id: [] for trade_id in missing}
            found = select(BotTradeExit).where(BotTradeExit.trade_id.in_(missing)).order_by(BotTradeExit.id)
            for exit_ in self._session.scalars(found):
                self._exits[exit_.trade_id].append(exit_)
        if unknown := [order for order in exit_orders if order not in self._exit_orders]:
            taken = select(BotTrade.alpaca_exit_order_id).where(BotTrade.alpaca_exit_order_id.in_(unknown))
            self._exit_orders |= dict.fromkeys(unknown, True)
            self._exit_orders |= {order: False for order in self._session.scalars(taken) if order}

    def exits(self, trade: BotTrade) -> list[BotTradeExit]:
        """The booked exits, in the order in which they happened."""
        self.load([trade])
        found = self._exits[trade.id]
        if not found and trade.status is TradeStatus.CLOSED:
            found += rules.exit_of_foreign_row(trade)
            self._session.add_all(found)
        return found

    def write(self) -> None:
        """Send all of it to Postgres; commits nothing."""
        self._session.add_all(self._events)
        self._session.flush()
        daily_stats.write(self._session, self._counts)
        self._events, self._counts = [], defaultdict(Counts)

    # -- for each change ------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(
        self,
        trade: BotTrade,
        kind: TradeEventKind,
        *,
        exit_booked: BotTradeExit | None = None,
        exit_removed: BotTradeExit | None = None,
    ) -> Iterator[None]:
        """Count the difference that the block makes, and write its event."""
        exits = self.exits(trade)
        before, counted = told(trade), counts_of(trade, exits)
        yield
        for day, counts in counts_of(trade, exits).items():
            self._counts[day].add(counts.pnl, counts.trades, counts.day_trades)
        for day, counts in counted.items():
            self._counts[day].add(-counts.pnl, -counts.trades, -counts.day_trades)
        after = told(trade)
        if exit_booked is not None:
            after["exit"] = told_exit(exit_booked)
            kind = TradeEventKind.CLOSED if trade.status is TradeStatus.CLOSED else kind
        if exit_removed is not None:
            before["exit"] = told_exit(exit_removed)
        self._tell(trade, kind, before, after)

    def _tell(
        self, trade: BotTrade, kind: TradeEventKind, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        found = event(trade, kind, self._author, before, after)
        if found is not None:
            self._events.append(found)

    def _conclude(self, trade: BotTrade) -> None:
        """Set the trade's totals to the sums of its exits, and close it if all of its shares have been exited."""
        exits = self._exits[trade.id]
        trade.exited_shares = total(exit_.shares for exit_ in exits)
        if trade.filled and exits and trade.exited_shares == trade.shares:
            last = max(exits, key=lambda exit_: exit_.at)
            trade.status, trade.acknowledged_at = TradeStatus.CLOSED, None
            trade.exit_price = average((exit_.shares, exit_.price) for exit_ in exits)
            trade.pnl = total(exit_.pnl for exit_ in exits)
            trade.exit_at = last.at
            if last.order_id is not None and self._is_free(trade, last.order_id):
                trade.alpaca_exit_order_id = last.order_id
        elif trade.status is TradeStatus.CLOSED:
            trade.status = TradeStatus.OPEN
            trade.exit_price = trade.pnl = trade.exit_at = trade.alpaca_exit_order_id = None

    def _is_free(self, trade: BotTrade, order_id: str) -> bool:
        """Whether no other trade has this exit order, so that it becomes this trade's."""
        if trade.alpaca_exit_order_id == order_id:
            return True
        self.load((), [order_id])
        free, self._exit_orders[order_id] = self._exit_orders[order_id], False
        return free
