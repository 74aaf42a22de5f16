"""Rules for changes of trades, each with the sentence that says what to do instead."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.booking.amounts import EXACT, profit
from bot.errors import TradeConflict
from bot.models import BotConfig, BotTrade, BotTradeExit, ExitReason, ExitSource, TradeStatus
from bot.states import Mode

#: The reason of an exit that no program marked, by its source.
_REASONS = {
    ExitSource.RECONCILIATION: ExitReason.RECONCILED_EXIT,
    ExitSource.SETTLEMENT: ExitReason.RECONCILED_EXIT,
    ExitSource.FLATTEN: ExitReason.FORCE_CLOSE,
}
_WRITTEN_OFF = (ExitReason.RECONCILED_MISSING, ExitReason.RECONCILED_MISSING_ON_STARTUP)


def conflict(trade: BotTrade, sentence: str, **details: object) -> TradeConflict:
    """The error with *sentence*, about *trade*."""
    return TradeConflict(sentence, details={"tradeId": str(trade.id), **details})


def must_be(trade: BotTrade, *statuses: TradeStatus) -> None:
    """Check that the trade has one of *statuses*."""
    if trade.status not in statuses:
        raise conflict(trade, f"Trade {trade.id} is {trade.status}, not {' or '.join(statuses)}.")


def must_be_of_present_mode(session: Session, trade: BotTrade) -> None:
    """Check that the trade belongs to the account of the present mode, as an open trade has to."""
    mode = session.scalars(select(BotConfig.mode)).one()
    if (trade.mode or Mode.PAPER) is not mode:
        raise conflict(
            trade, f"Trade {trade.id} was opened in {trade.mode} mode, and the bot is in {mode} mode now."
        )


def must_be_held(trade: BotTrade, shares: Decimal) -> None:
    """Check that an exit is not of more shares than are held."""
    if trade.status is TradeStatus.VOID or not trade.filled:
        raise conflict(trade, f"The entry of trade {trade.id} is not known to have filled: record it first.")
    if trade.status is TradeStatus.CLOSED:
        raise conflict(
            trade, f"Trade {trade.id} is closed. To correct how it ended, use PATCH /trades/{trade.id}."
        )
    if shares * trade.shares <= 0:
        raise conflict(
            trade,
            f"Trade {trade.id} is {side(trade.shares)}, so the shares of its exits are"
            f" {'positive' if trade.shares > 0 else 'negative'}.",
        )
    if abs(shares) > abs(trade.open_shares):
        raise conflict(
            trade,
            f"Trade {trade.id} holds {text(trade.open_shares)} shares, and {text(shares)} were to be exited."
            " If it holds more at the broker, settle that with adjust first.",
        )


def must_cover_exits(trade: BotTrade, shares: Decimal) -> None:
    """Check that the fill of an entry is of the trade's side, and at least as large as its exits."""
    if shares * trade.shares <= 0:
        raise conflict(trade, f"Trade {trade.id} is {side(trade.shares)}, but its fill is {side(shares)}.")
    if abs(shares) < abs(trade.exited_shares):
        raise conflict(
            trade,
            f"Exits of {text(trade.exited_shares)} shares of trade {trade.id} are booked, more than the"
            f" {text(shares)} that are to have filled. Settle the position that this leaves at the broker with adopt.",
        )


def must_be_same_fill(trade: BotTrade, there: BotTradeExit, shares: Decimal, price: Decimal) -> None:
    """Check that a fill that is booked already is booked with the same data."""
    if (there.shares, there.price) != (shares, price):
        raise conflict(
            trade,
            f"Fill {there.fill_id} of trade {trade.id} is booked as {text(there.shares)} at {text(there.price)},"
            f" not {text(shares)} at {text(price)}.",
        )


def reason_of(trade: BotTrade, source: ExitSource) -> ExitReason | None:
    """Why a trade ended: the reason that was marked, or else that of *source*."""
    marked = trade.exit_reason
    default = _REASONS.get(source)
    return default if default and (marked is None or marked in _WRITTEN_OFF) else marked


def exit_of_foreign_row(trade: BotTrade) -> list[BotTradeExit]:
    """The one exit of a closed trade that another program wrote as a row, without exits."""
    if trade.exit_price is None or trade.exit_at is None:
        return []
    return [
        BotTradeExit(
            trade_id=trade.id,
            shares=trade.shares,
            price=trade.exit_price,
            at=trade.exit_at,
            order_id=trade.alpaca_exit_order_id,
            source=ExitSource.LEDGER,
            pnl=profit(trade.shares, trade.entry_price, trade.exit_price) if trade.pnl is None else trade.pnl,
        )
    ]


def note(trade: BotTrade, sentence: str | None) -> None:
    """Add a line to the trade's note."""
    if sentence:
        trade.note = f"{trade.note}\n{sentence}" if trade.note else sentence


def side(shares: Decimal) -> str:
    """``long`` or ``short``, by the sign of *shares*."""
    return "long" if shares > 0 else "short"


def text(amount: Decimal) -> str:
    """A number as people write it."""
    return f"{EXACT.normalize(amount):f}"
