"""Exits of trades, under the lock on the singleton row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from bot.booking import Booking
from bot.booking.amounts import EXACT, average, quotient, total
from bot.booking.rules import conflict, text
from bot.models import BotTrade, BotTradeExit, ExitReason, ExitSource, TradeStatus
from bot.trading import trade_requests, trade_rules
from bot.trading.trade_requests import CloseTrade, CorrectTrade, MarkExitReason, RecordExit

#: The fewest decimal places to which an average may be rounded: those of Alpaca's smallest price step.
_FEWEST_PLACES = 4


def mark_exit_reason(books: Booking, trade: BotTrade, exiting: MarkExitReason) -> None:
    """See ``Ledger.mark_exit_reason``."""
    if trade.exit_reason is exiting.exit_reason:
        return
    if trade.status is not TradeStatus.OPEN:
        raise conflict(trade, f"Trade {trade.id} is {trade.status}: its exit reason stays as it is.")
    books.mark_exit_reason(trade, exiting.exit_reason)


def record_exit(session: Session, books: Booking, trade: BotTrade, exit_: RecordExit, now: datetime) -> None:
    """See ``Ledger.record_exit``."""
    at = _time(trade, exit_, now)
    if _is_booked(books, trade, exit_, at):
        return
    if exit_.alpaca_exit_order_id:
        trade_rules.must_be_free(session, trade, BotTrade.alpaca_exit_order_id, exit_.alpaca_exit_order_id)
    _book(books, trade, exit_, shares=exit_.shares, price=exit_.exit_price, at=at)


def close_trade(session: Session, books: Booking, trade: BotTrade, exit_: CloseTrade, now: datetime) -> None:
    """See ``Ledger.close_trade``."""
    if trade.status is TradeStatus.CLOSED:
        _must_have_ended_so(books, trade, exit_)
        return
    if exit_.alpaca_exit_order_id:
        trade_rules.must_be_free(session, trade, BotTrade.alpaca_exit_order_id, exit_.alpaca_exit_order_id)
    at, rest = _time(trade, exit_, now), trade.open_shares
    booked = _of_order(books.exits(trade), exit_.alpaca_exit_order_id)
    if not booked:
        _book(books, trade, exit_, shares=rest, price=exit_.exit_price, at=at)
        return
    every = total([rest, *(part.shares for part in booked)])
    before = total(EXACT.multiply(part.shares, part.price) for part in booked)
    proceeds = EXACT.subtract(EXACT.multiply(every, exit_.exit_price), before)
    price = quotient(proceeds, rest)
    if not 0 < price <= trade_requests.MOST_PRICE:
        raise conflict(
            trade,
            f"Order {exit_.alpaca_exit_order_id} cannot have filled at {text(exit_.exit_price)} on average:"
            f" {text(total(part.shares for part in booked))} of its {text(every)} shares are booked at"
            f" {text(_average(booked))}. Give the average of the whole order, or what is left to"
            f" POST /trades/{trade.id}/exits.",
        )
    _book(books, trade, exit_, shares=rest, price=price, at=at, proceeds=proceeds)


def correct_trade(books: Booking, trade: BotTrade, correction: CorrectTrade, now: datetime) -> None:
    """See ``Ledger.correct_trade``."""
    if trade.status is not TradeStatus.CLOSED:
        raise conflict(
            trade, f"Trade {trade.id} is {trade.status}: only a closed trade is corrected. Close it instead."
        )
    if correction.exit_at is not None:
        _time(trade, correction, now)
    books.correct_closed(
        trade,
        exit_price=correction.exit_price,
        exit_at=correction.exit_at,
        exit_reason=correction.exit_reason,
        note=correction.note,
    )


def _book(
    books: Booking,
    trade: BotTrade,
    said: CloseTrade | RecordExit,
    *,
    shares: Decimal,
    price: Decimal,
    at: datetime,
    proceeds: Decimal | None = None,
) -> None:
    reason = said.exit_reason or trade.exit_reason
    if reason is None and trade.filled and shares == trade.open_shares:
        raise trade_requests.invalid(
            exitReason=[f"is needed; one of {', '.join(trade_requests.GIVEN_REASONS)}"]
        )
    notes = [said.note]
    if trade.status is TradeStatus.MISSED:
        notes.insert(0, f"Was written off as {trade.exit_reason}; its exit became known later.")
    books.book_exit(
        trade,
        shares=shares,
        price=price,
        at=at,
        source=ExitSource.LEDGER,
        order_id=said.alpaca_exit_order_id,
        exit_reason=reason,
        proceeds=proceeds,
        note="\n".join(line for line in notes if line),
    )


def _time(trade: BotTrade, said: CloseTrade | RecordExit | CorrectTrade, now: datetime) -> datetime:
    """The time of an exit."""
    trade_rules.must_have_been(now, exitAt=said.exit_at)
    at = said.exit_at or max(now, trade.entry_at)
    if at < trade.entry_at:
        raise trade_requests.invalid(
            exitAt=[f"is before the entry, which was at {trade.entry_at.isoformat()}"]
        )
    return at


def _is_booked(books: Booking, trade: BotTrade, said: RecordExit, at: datetime) -> bool:
    """Whether the exit is booked already."""
    fill = (said.shares, said.exit_price, said.alpaca_exit_order_id, at)
    every = books.exits(trade)
    if any((part.shares, part.price, part.order_id, part.at) == fill for part in every):
        return True
    known = [
        part
        for part in _of_order(every, said.alpaca_exit_order_id)
        if part.source in (ExitSource.RECONCILIATION, ExitSource.FLATTEN)
    ]
    if not known:
        return False
    # the order is booked from the broker's own record, which has this fill, or will have it
    for parts in [*([part] for part in known), known]:
        shares = total(part.shares for part in parts)
        if said.shares == shares and _same_price(said.exit_price, _average(parts)):
            return True
    raise conflict(
        trade,
        f"Exits of order {said.alpaca_exit_order_id} are booked from the broker's record:"
        f" {text(total(part.shares for part in known))} shares at {text(_average(known))} so far."
        " Reconciliation books the rest of it; or close the trade with the average of the whole order.",
    )


def _must_have_ended_so(books: Booking, trade: BotTrade, said: CloseTrade) -> None:
    """Check that the given end of a closed trade is the recorded one; fill in what the broker's record did not have."""
    every = books.exits(trade)
    parts = _of_order(every, said.alpaca_exit_order_id) or every
    last = max(parts, key=lambda part: part.at)
    different = trade_rules.differences(trade, said, "exit_reason")
    if not any(_same_price(said.exit_price, price) for price in (_average(parts), last.price)):
        different.insert(0, "exitPrice")
    # the broker's time of the fill counts
    if last.source is ExitSource.LEDGER and said.exit_at not in (None, last.at):
        different.append("exitAt")
    if said.alpaca_exit_order_id and said.alpaca_exit_order_id != last.order_id:
        different.append("alpacaExitOrderId")
    if different == ["exitReason"] and trade.exit_reason is ExitReason.RECONCILED_EXIT and said.exit_reason:
        books.mark_exit_reason(trade, said.exit_reason)
    elif different:
        raise conflict(
            trade,
            f"Trade {trade.id} is recorded with another {', '.join(different)}; nothing was changed."
            f" To correct it, use PATCH /trades/{trade.id}.",
            fields=different,
        )


def _of_order(every: Sequence[BotTradeExit], order_id: str | None) -> list[BotTradeExit]:
    """The exits of one order."""
    return [part for part in every if order_id is not None and part.order_id == order_id]


def _average(parts: Sequence[BotTradeExit]) -> Decimal:
    return average((part.shares, part.price) for part in parts)


def _same_price(said: Decimal, recorded: Decimal) -> bool:
    """Whether *said* equals *recorded*, perhaps rounded."""
    places = -int(said.as_tuple().exponent)
    return said == recorded or (
        places >= _FEWEST_PLACES and abs(EXACT.subtract(said, recorded)) * 2 <= Decimal(1).scaleb(-places)
    )
