"""Openings and entries of trades, under the lock on the singleton row."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.booking import Booking
from bot.booking.rules import conflict, must_cover_exits, text
from bot.errors import GateClosed
from bot.models import (
    BotTrade,
    BotTradeEvent,
    BotTradeExit,
    ExitReason,
    ExitSource,
    TradeEventKind,
    TradeStatus,
)
from bot.settings.settings import Settings
from bot.status import gate
from bot.status.snapshot import snapshot_in
from bot.trading import trade_rules
from bot.trading.trade_requests import OpenTrade, RecordEntry, VoidTrade

#: How long before its trade is opened an order may have filled: by a program that records trades afterwards.
_RECORDED_WITHIN = timedelta(days=1)
_FILLS = (TradeEventKind.OPENED, TradeEventKind.ENTRY_RECORDED, TradeEventKind.ENTRY_CORRECTED)


def open_trade(
    session: Session, books: Booking, settings: Settings, trade_id: UUID, opening: OpenTrade
) -> BotTrade:
    """See ``Ledger.open_trade``; *trade_id* is the id of the new trade."""
    if opening.alpaca_order_id and (there := trade_rules.entered_by(session, opening.alpaca_order_id)):
        trade_rules.must_agree(there, opening, "symbol", "shares", "entry_price", "entry_at")
        return there
    if there := session.get(BotTrade, trade_id):
        return there  # the transaction was committed, but its connection broke before it could confirm
    now = snapshot_in(session)
    trade_rules.must_have_been(now.now, entryAt=opening.entry_at)
    answer = gate.judge(now, settings)
    if not answer.may_open:
        raise GateClosed(answer.reasons)
    trade = BotTrade(
        **opening.model_dump(exclude={"entry_at"}),
        id=trade_id,
        mode=now.config.mode,
        status=TradeStatus.OPEN,
        filled=opening.alpaca_order_id is not None,
        entry_at=opening.entry_at or now.now,
        created_at=now.now,
    )
    session.add(trade)
    session.flush()
    books.opened(trade)
    if opening.alpaca_order_id:
        _take_back_exits(session, books, trade, opening.alpaca_order_id)
    return trade


def record_entry(
    session: Session, books: Booking, trade: BotTrade, entry: RecordEntry, now: datetime
) -> None:
    """See ``Ledger.record_entry``."""
    trade_rules.must_have_been(now, entryAt=entry.entry_at)
    trade_rules.must_be_free(session, trade, BotTrade.alpaca_order_id, entry.alpaca_order_id)
    if entry.shares is not None:
        trade_rules.must_be_of_side(trade, entry.shares)
    _take_back_exits(session, books, trade, entry.alpaca_order_id)
    if trade.filled:
        _correct(session, books, trade, entry)
        return
    if trade.alpaca_order_id == entry.alpaca_order_id and entry.shares is None:
        return
    books.reopen(trade, f"Was {trade.status} until its order became known; open again.")
    books.attach_order(trade, entry.alpaca_order_id)
    if entry.shares is not None and entry.entry_price is not None:
        books.book_entry(trade, shares=entry.shares, price=entry.entry_price, at=entry.entry_at or now)


def void_trade(books: Booking, trade: BotTrade, withdrawal: VoidTrade) -> None:
    """See ``Ledger.void_trade``."""
    if trade.status is not TradeStatus.VOID:
        books.void(trade, withdrawal.note)


def _take_back_exits(session: Session, books: Booking, trade: BotTrade, order_id: str) -> None:
    """Remove the exits of other trades that reconciliation booked from this order, before it was known to enter *trade*.

    An order that is not named after its trade, and has filled before it is recorded, looks like a sale by hand of a trade of
    the other side.

    Raises:
        TradeConflict: a program or an operator recorded such an exit.
    """
    taken = select(BotTradeExit).where(
        BotTradeExit.order_id == order_id,
        BotTradeExit.trade_id != trade.id,
        BotTradeExit.at >= trade.created_at - _RECORDED_WITHIN,  # which has an index
    )
    for exit_ in session.scalars(taken).all():
        owner = session.get_one(BotTrade, exit_.trade_id)
        if exit_.source is not ExitSource.RECONCILIATION:
            raise trade_rules.belongs_to(owner, order_id)
        books.remove_exits(owner, [exit_])
        if owner.exit_reason is ExitReason.RECONCILED_EXIT and not owner.exited_shares:
            books.mark_exit_reason(owner, None)


def _correct(session: Session, books: Booking, trade: BotTrade, entry: RecordEntry) -> None:
    """Record a fill for an entry that has one already."""
    # reconciliation finds the orders that replaced the recorded one, and the fills of each
    if trade_rules.entered_by(session, entry.alpaca_order_id) is not trade:
        books.attach_order(trade, entry.alpaca_order_id)
    shares, price = entry.shares, entry.entry_price
    if shares is None or price is None:
        return
    if (shares, price) == (trade.shares, trade.entry_price):
        if entry.entry_at not in (None, trade.entry_at) and trade.status is TradeStatus.OPEN:
            books.book_entry(trade, shares=shares, price=price, at=entry.entry_at)
        return
    if _was_reported(session, trade, entry):
        return
    recorded = f"{text(trade.shares)} shares at {text(trade.entry_price)}"
    said = f"{text(shares)} at {text(price)}"
    if trade.status is not TradeStatus.OPEN:
        raise conflict(
            trade,
            f"Trade {trade.id} is {trade.status}, and its entry stays as it was recorded: {recorded}, not {said}."
            f" {_WAY_OUT.get(trade.status, '')}".rstrip(),
        )
    if trade.adjusted_at is not None or abs(shares) <= abs(trade.shares):
        raise conflict(
            trade,
            f"Trade {trade.id} is recorded with {recorded}, not {said}; nothing was changed."
            " If the broker holds something else now, settle it with adjust.",
        )
    must_cover_exits(trade, shares)
    books.book_entry(trade, shares=shares, price=price, at=entry.entry_at)


_WAY_OUT = {
    TradeStatus.MISSED: "If its position is there, settle it with reopen, then adjust.",
    TradeStatus.CLOSED: "Reconciliation books what else filled; an exit is corrected with PATCH.",
}


def _was_reported(session: Session, trade: BotTrade, entry: RecordEntry) -> bool:
    """Whether this fill was recorded earlier than the present one: then it is an old message that came late."""
    if entry.shares is None or entry.entry_price is None:
        return False
    said = (text(entry.shares), text(entry.entry_price))
    reported = select(BotTradeEvent.after).where(
        BotTradeEvent.trade_id == trade.id, BotTradeEvent.kind.in_(_FILLS)
    )
    shares = price = None
    filled = True
    for after in session.scalars(reported.order_by(BotTradeEvent.id)):
        shares, price = after.get("shares", shares), after.get("entryPrice", price)
        filled = after.get(
            "filled", filled
        )  # what a reservation assumes is no fill, also once its order is known
        if filled and (shares, price) == said:
            return True
    return False
