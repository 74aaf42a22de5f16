"""``settle``: an operator's decision about one difference or one trade. Another settlement can undo each.

It uses no network: Alpaca's positions are those that the last reconciliation read. The next reconciliation is due as soon as a
settlement is applied, and decides about the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.booking.author import Author
from bot.booking.booking import Booking
from bot.booking.rules import text
from bot.commands.broker_view import ZERO, held_of
from bot.commands.settlement import SettleAction, Settlement, read_settlement
from bot.errors import NothingToSettle, TradeConflict
from bot.models import (
    BotCommand,
    BotIgnoredPosition,
    BotTrade,
    ExitReason,
    ExitSource,
    TradeEventKind,
    TradeStatus,
)
from bot.states import Mode
from bot.storage.locked_bot import LockedBot
from bot.trading.trade_requests import invalid

#: How far in the future an exit may be: the broker's clock may be ahead.
CLOCKS_DIFFER = timedelta(seconds=5)


def settle(locked: LockedBot, command: BotCommand) -> None:
    """Carry out the settlement under the lock; commits nothing. If it is not allowed, nothing is changed.

    Raises:
        InvalidParams: naming each bad field.
        NothingToSettle: the position or the trade is not as the settlement assumes.
    """
    settlement = read_settlement(command.params, command.reason)
    author = Author(command.actor, reason=command.reason, command_id=command.id)
    work = _Work(locked.session, locked.config.mode, locked.now, command, settlement, author)
    try:
        with locked.session.begin_nested(), Booking(locked.session, author) as booking:
            if settlement.trade_id is None:
                _OF_POSITIONS[settlement.action](work, booking, str(settlement.symbol))
            else:
                _OF_TRADES[settlement.action](work, booking, _trade(work, settlement.trade_id))
    except TradeConflict as conflict:
        raise NothingToSettle(str(conflict), details=conflict.details) from None
    except IntegrityError:
        # for example a chosen id that a trade has already; a database error would leave the command pending for ever
        raise NothingToSettle("The books do not allow it; nothing was changed.") from None


@dataclass(frozen=True)
class _Work:
    session: Session
    mode: Mode
    now: datetime
    command: BotCommand
    settlement: Settlement
    author: Author

    @property
    def note(self) -> str:
        return f"Settled ({self.settlement.action}) by {self.author.actor}: {self.author.reason}"


def _trade(work: _Work, trade_id: UUID) -> BotTrade:
    trade = work.session.get(BotTrade, trade_id)
    if trade is None:
        raise NothingToSettle(f"There is no trade {trade_id}.")
    return trade


# -- positions ------------------------------------------------------------------------------------------------


def _adopt(work: _Work, booking: Booking, symbol: str) -> None:
    """Make a trade of the shares that the broker holds beyond the open trades; its id is the command's."""
    held, wanted = held_of(work.session, work.mode, symbol, work.now), work.settlement.shares
    surplus = held.surplus
    if surplus * held.shares <= 0 or surplus * held.booked < 0:
        raise NothingToSettle(f"{held.both}: there is nothing to adopt.")
    shares = surplus if wanted is None else wanted
    if shares * surplus < 0 or abs(shares) > abs(surplus):
        raise NothingToSettle(f"{held.both}: {text(surplus)} can be adopted, not {text(shares)}.")
    trade = BotTrade(
        id=work.command.id,
        symbol=held.symbol,
        asset_id=held.asset_id,
        mode=work.mode,
        shares=shares,
        exited_shares=ZERO,
        entry_price=work.settlement.entry_price or held.price_of_surplus,
        status=TradeStatus.OPEN,
        filled=True,
        entry_at=work.now,
        created_at=work.now,
        adjusted_at=work.now,  # earlier sales belong to another trade
        note=work.note,
    )
    work.session.add(trade)
    booking.opened(trade, TradeEventKind.ADOPTED)


def _ignore(work: _Work, booking: Booking, symbol: str) -> None:
    held = held_of(work.session, work.mode, symbol, work.now)
    free = held.shares - held.booked
    shares = work.settlement.shares or free
    if free * held.shares <= 0 or free * held.booked < 0:
        raise NothingToSettle(f"{held.both}: there is nothing to ignore.")
    if shares != free:
        raise NothingToSettle(f"{held.both}: {text(free)} can be ignored, not {text(shares)}.")
    if shares == held.ignored:
        raise NothingToSettle(f"{text(shares)} shares of {held.symbol} are ignored already.")
    values = {
        "asset_id": held.asset_id,
        "shares": shares,
        "reason": work.author.reason,
        "actor": work.author.actor,
        "command_id": work.command.id,
        "created_at": work.now,
    }
    work.session.execute(
        insert(BotIgnoredPosition)
        .values(mode=work.mode, symbol=held.symbol, **values)
        .on_conflict_do_update(index_elements=["mode", "symbol"], set_=values)
    )


def _watch(work: _Work, booking: Booking, symbol: str) -> None:
    ended = work.session.execute(
        delete(BotIgnoredPosition)
        .where(BotIgnoredPosition.mode == work.mode, BotIgnoredPosition.symbol == symbol)
        .returning(BotIgnoredPosition.symbol)
    )
    if not ended.all():
        raise NothingToSettle(f"{symbol} is not ignored in {work.mode} mode.")


_OF_POSITIONS: Mapping[SettleAction, Callable[[_Work, Booking, str], None]] = MappingProxyType(
    {SettleAction.ADOPT: _adopt, SettleAction.IGNORE: _ignore, SettleAction.WATCH: _watch}
)


# -- trades ---------------------------------------------------------------------------------------------------


def _adjust(work: _Work, booking: Booking, trade: BotTrade) -> None:
    if trade.status is not TradeStatus.OPEN:
        raise NothingToSettle(f"Trade {trade.id} is {trade.status}: only an open one is adjusted.")
    shares = work.settlement.shares or trade.open_shares
    price = work.settlement.entry_price or trade.entry_price
    if trade.filled and (shares, price) == (trade.open_shares, trade.entry_price):
        raise NothingToSettle(f"Trade {trade.id} holds {text(shares)} shares at {text(price)} already.")
    booking.adjust(trade, shares=shares, price=price, now=work.now)


def _close(work: _Work, booking: Booking, trade: BotTrade) -> None:
    settlement = work.settlement
    price, at = settlement.exit_price, settlement.exit_at or max(work.now, trade.entry_at)
    if at < trade.entry_at or at > work.now + CLOCKS_DIFFER:
        raise invalid(exitAt=[f"must lie between the entry, {trade.entry_at.isoformat()}, and now"])
    if price is None:
        raise invalid(exitPrice=["is needed for close"])  # not reached: the settlement was read
    booking.book_exit(
        trade,
        shares=settlement.shares or trade.open_shares,
        price=price,
        at=at,
        source=ExitSource.SETTLEMENT,
        note=work.note,
    )


def _void(work: _Work, booking: Booking, trade: BotTrade) -> None:
    if trade.status is TradeStatus.VOID:
        raise NothingToSettle(f"Trade {trade.id} is void already.")
    booking.void(trade, work.note, busted=True)


def _write_off(work: _Work, booking: Booking, trade: BotTrade) -> None:
    """Write off an open trade; also one that an operator closed or made void by mistake, while the position is gone."""
    if trade.status is TradeStatus.CLOSED:
        _take_back_exits(booking, trade, only_settled=True)
    elif trade.status is TradeStatus.VOID:
        booking.reopen(trade, filled=True)
    booking.miss(trade, ExitReason.RECONCILED_MISSING, work.note)
    booking.acknowledge(trade, work.now)


def _reopen(work: _Work, booking: Booking, trade: BotTrade) -> None:
    if trade.status is TradeStatus.OPEN:
        raise NothingToSettle(f"Trade {trade.id} is open.")
    held = held_of(work.session, work.mode, trade.symbol, work.now, asset_id=trade.asset_id)
    # its quantity may differ: sales are booked from the broker's fills, or adjusted
    if held.surplus * trade.shares <= 0 or held.surplus * held.shares <= 0:
        raise NothingToSettle(f"{held.both}: there is no position for trade {trade.id}.")
    if trade.status is TradeStatus.CLOSED:
        _take_back_exits(booking, trade)
    else:
        booking.reopen(trade, work.note, filled=True)


def _take_back_exits(booking: Booking, trade: BotTrade, *, only_settled: bool = False) -> None:
    """Remove the exits that operators gave; if there are none, all exits."""
    exits = booking.exits(trade)
    settled = [each for each in exits if each.source is ExitSource.SETTLEMENT]
    if only_settled and not settled:
        raise NothingToSettle(
            f"Trade {trade.id} was not closed by a settlement. How it ended is corrected with PATCH /trades/{trade.id}."
        )
    booking.remove_exits(trade, settled or exits)


def _acknowledge(work: _Work, booking: Booking, trade: BotTrade) -> None:
    if trade.acknowledged_at is not None:
        raise NothingToSettle(f"Trade {trade.id} is acknowledged already.")
    booking.acknowledge(trade, work.now, work.note)


_OF_TRADES: Mapping[SettleAction, Callable[[_Work, Booking, BotTrade], None]] = MappingProxyType(
    {
        SettleAction.ADJUST: _adjust,
        SettleAction.CLOSE: _close,
        SettleAction.VOID: _void,
        SettleAction.WRITE_OFF: _write_off,
        SettleAction.REOPEN: _reopen,
        SettleAction.ACKNOWLEDGE: _acknowledge,
    }
)
