"""Books what happens to trades: one unit of work, with its exits, statistics and events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from bot.booking import rules
from bot.booking.amounts import profit, total
from bot.booking.events import told
from bot.booking.unit_of_work import UnitOfWork
from bot.models import (
    BotTrade,
    BotTradeExit,
    ExitReason,
    ExitSource,
    TradeEventKind,
    TradeStatus,
)


class Booking(UnitOfWork):
    """Changes trades of *session* for one *author*, and writes the consequences when the ``with`` block ends without an error.

    Every method checks before it changes anything and raises TradeConflict, whose sentence says what to do instead. What was
    booked earlier in the same block stays booked. Shares are signed like the trade's, prices and P&L are US dollars.
    """

    # -- entries --------------------------------------------------------------------------------------------------

    def opened(self, trade: BotTrade, kind: TradeEventKind = TradeEventKind.OPENED) -> None:
        """Write the event that *trade*, which was just added to the session, was opened or adopted."""
        self._exits[trade.id] = []
        shown = {name: value for name, value in told(trade).items() if value is not None}
        self._tell(trade, kind, {}, shown)

    def attach_order(self, trade: BotTrade, order_id: str) -> None:
        """Record a trade's entry order. While no fill of it is known, another order may replace it."""
        if trade.filled and trade.alpaca_order_id not in (None, order_id):
            raise rules.conflict(
                trade, f"Trade {trade.id} is recorded with order {trade.alpaca_order_id}, not {order_id}."
            )
        with self._changing(trade, TradeEventKind.ENTRY_RECORDED):
            trade.alpaca_order_id = order_id

    def book_entry(
        self,
        trade: BotTrade,
        *,
        shares: Decimal,
        price: Decimal,
        at: datetime | None = None,
        order_id: str | None = None,
        asset_id: str | None = None,
    ) -> None:
        """Record the fill of the entry, or correct it from the broker's record: the P&L of booked exits, and the statistics
        of their dates, change by the difference.

        This closes a trade whose exits now add up to its shares, and reopens a closed one of which more filled.

        Raises:
            TradeConflict: its exits have more shares, or are of the other side; or it is neither open, closed nor missed.
        """
        rules.must_be(trade, TradeStatus.OPEN, TradeStatus.CLOSED, TradeStatus.MISSED)
        exits = self.exits(trade)
        rules.must_cover_exits(trade, shares)
        if trade.status is TradeStatus.CLOSED and shares != trade.exited_shares:
            rules.must_be_of_present_mode(self._session, trade)
        kind = TradeEventKind.ENTRY_CORRECTED if trade.filled else TradeEventKind.ENTRY_RECORDED
        with self._changing(trade, kind):
            for exit_ in exits:
                # not computed anew: the price of an exit may be a rounded average, its P&L is exact
                exit_.pnl = total((exit_.pnl, profit(exit_.shares, price, trade.entry_price)))
            trade.shares, trade.entry_price, trade.filled = shares, price, True
            trade.entry_at = at or trade.entry_at
            trade.alpaca_order_id = order_id or trade.alpaca_order_id
            trade.asset_id = asset_id or trade.asset_id
            self._conclude(trade)

    def adjust(self, trade: BotTrade, *, shares: Decimal, price: Decimal, now: datetime) -> None:
        """Set the shares still held and their price per share, as after a split: booked exits keep their P&L.

        From then on reconciliation does not correct the trade's entry.
        """
        rules.must_be(trade, TradeStatus.OPEN, TradeStatus.MISSED)
        if shares * trade.shares <= 0:
            raise rules.conflict(trade, f"Trade {trade.id} is {rules.side(trade.shares)}, and stays so.")
        with self._changing(trade, TradeEventKind.ADJUSTED):
            trade.shares, trade.entry_price = total((trade.exited_shares, shares)), price
            trade.filled, trade.adjusted_at = True, now

    def rename(self, trade: BotTrade, symbol: str, asset_id: str | None) -> None:
        """Set the trade's symbol to the one that its asset has now."""
        with self._changing(trade, TradeEventKind.RENAMED):
            trade.symbol, trade.asset_id = symbol, asset_id

    # -- exits ----------------------------------------------------------------------------------------------------

    def mark_exit_reason(self, trade: BotTrade, reason: ExitReason | None) -> None:
        """Record why the trade is about to be exited; None removes the mark."""
        with self._changing(trade, TradeEventKind.EXIT_REASON_MARKED):
            trade.exit_reason = reason

    def book_exit(
        self,
        trade: BotTrade,
        *,
        shares: Decimal,
        price: Decimal,
        at: datetime,
        source: ExitSource,
        order_id: str | None = None,
        fill_id: str | None = None,
        exit_reason: ExitReason | None = None,
        proceeds: Decimal | None = None,
        note: str | None = None,
    ) -> BotTradeExit:
        """Book an exit of the whole trade or of a part; the trade is closed when its exits add up to its shares.

        *exit_reason* replaces the one that was marked; without either, *source* decides. *proceeds*, signed like *shares*, are
        the exact US dollars if *price* is their rounded quotient. A fill that is booked already is not booked again.

        Raises:
            TradeConflict: there are more shares than are held, or they are of the other side; the trade is void, or its entry
                is not known to have filled; or the fill is booked with other data.
        """
        exits = self.exits(trade)
        if fill_id is not None and (there := [exit_ for exit_ in exits if exit_.fill_id == fill_id]):
            rules.must_be_same_fill(trade, there[0], shares, price)
            return there[0]
        rules.must_be_held(trade, shares)
        exit_ = BotTradeExit(
            trade_id=trade.id,
            shares=shares,
            price=price,
            at=at,
            order_id=order_id,
            fill_id=fill_id,
            source=source,
            pnl=profit(shares, trade.entry_price, price)
            if proceeds is None
            else total((proceeds, profit(shares, trade.entry_price, Decimal(0)))),
        )
        with self._changing(trade, TradeEventKind.EXIT_BOOKED, exit_booked=exit_):
            self._session.add(exit_)
            exits.append(exit_)
            trade.exit_reason = exit_reason or rules.reason_of(trade, source)
            rules.note(trade, note)
            self._conclude(trade)
        return exit_

    def remove_exits(self, trade: BotTrade, removed: Iterable[BotTradeExit]) -> None:
        """Remove booked exits that did not happen; this reopens a closed trade.

        Raises:
            TradeConflict: it would be reopened, but belongs to the other mode's account.
        """
        exits = self.exits(trade)
        for exit_ in list(removed):
            if trade.status is TradeStatus.CLOSED:
                rules.must_be_of_present_mode(self._session, trade)
            with self._changing(trade, TradeEventKind.EXIT_REMOVED, exit_removed=exit_):
                exits.remove(exit_)
                if exit_ in self._session.new:
                    self._session.expunge(exit_)
                else:
                    self._session.delete(exit_)
                self._conclude(trade)

    def correct_closed(
        self,
        trade: BotTrade,
        *,
        exit_price: Decimal | None = None,
        exit_at: datetime | None = None,
        exit_reason: ExitReason | None = None,
        note: str | None = None,
    ) -> None:
        """Correct how a closed trade ended. Each of its exits gets *exit_price*; the last one is at *exit_at*, and none is later."""
        rules.must_be(trade, TradeStatus.CLOSED)
        exits = self.exits(trade)
        with self._changing(trade, TradeEventKind.CORRECTED):
            last = max(exits, key=lambda exit_: exit_.at)
            for exit_ in exits:
                if exit_price is not None:
                    # by the difference: an exit from before the entry was adjusted has the P&L of its own day
                    exit_.pnl = total((exit_.pnl, profit(exit_.shares, exit_.price, exit_price)))
                    exit_.price = exit_price
                if exit_at is not None:
                    exit_.at = exit_at if exit_ is last else min(exit_.at, exit_at)
            trade.exit_reason = exit_reason or trade.exit_reason
            rules.note(trade, note)
            self._conclude(trade)

    # -- endings without a result ---------------------------------------------------------------------------------

    def void(self, trade: BotTrade, note: str | None = None, *, busted: bool = False) -> None:
        """Make a trade void whose entry did not and will not fill; it counts nowhere. *busted* means that the broker took the
        fill back.

        Raises:
            TradeConflict: the entry filled, or an exit is booked.
        """
        if trade.status is TradeStatus.CLOSED or trade.exited_shares or (trade.filled and not busted):
            raise rules.conflict(
                trade, f"The entry of trade {trade.id} filled, so it cannot be void: close it."
            )
        with self._changing(trade, TradeEventKind.VOIDED):
            trade.status, trade.exit_reason, trade.filled = TradeStatus.VOID, None, False
            rules.note(trade, note)

    def miss(self, trade: BotTrade, reason: ExitReason, note: str | None = None) -> None:
        """Write off an open trade whose position is gone for an unknown reason; booked exits stay booked."""
        rules.must_be(trade, TradeStatus.OPEN)
        with self._changing(trade, TradeEventKind.MISSED):
            if trade.exit_reason is not None:
                rules.note(trade, f"Marked before: {trade.exit_reason}")
            rules.note(trade, note)
            trade.status, trade.exit_reason = TradeStatus.MISSED, reason

    def reopen(self, trade: BotTrade, note: str | None = None, *, filled: bool = False) -> None:
        """Reopen a missed or void trade; *filled* says that its entry filled after all.

        Raises:
            TradeConflict: it is closed, or belongs to the other mode's account.
        """
        rules.must_be(trade, TradeStatus.OPEN, TradeStatus.MISSED, TradeStatus.VOID)
        if trade.status is TradeStatus.OPEN:
            return
        rules.must_be_of_present_mode(self._session, trade)
        with self._changing(trade, TradeEventKind.REOPENED):
            trade.status, trade.exit_reason, trade.acknowledged_at = TradeStatus.OPEN, None, None
            trade.filled = trade.filled or filled
            rules.note(trade, note)

    def acknowledge(self, trade: BotTrade, now: datetime, note: str | None = None) -> None:
        """Note that an operator has acknowledged that a missed trade has no result."""
        rules.must_be(trade, TradeStatus.MISSED)
        with self._changing(trade, TradeEventKind.ACKNOWLEDGED):
            trade.acknowledged_at = trade.acknowledged_at or now
            rules.note(trade, note)
