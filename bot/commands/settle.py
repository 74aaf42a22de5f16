"""An operator's decision about one difference, or about one trade (``settle``). Each is undone by another one.

No network is used: what Alpaca holds is what the last reconciliation read. The next one is due as soon as a settlement is
applied, and decides about the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import delete, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.booking.author import Author
from bot.booking.booking import Booking
from bot.commands.broker_view import Held, held_of
from bot.commands.settlement import SettleAction, Settlement, read_settlement
from bot.errors import InvalidParams, NothingToSettle, TradeConflict
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


def settle(locked: LockedBot, command: BotCommand) -> None:
    """Carry the settlement out, under the lock; commits nothing.

    Raises:
        InvalidParams: naming each bad field.
        NothingToSettle: what it is about is not as it says.
    """
    settlement = read_settlement(command.params, command.reason)
    author = Author(command.actor, reason=command.reason, command_id=command.id)
    work = _Work(locked.session, locked.config.mode, locked.now, command, settlement, author)
    try:
        if settlement.trade_id is not None:
            trade = locked.session.get(BotTrade, settlement.trade_id)
            if trade is None:
                raise NothingToSettle(f"There is no trade {settlement.trade_id}.")
            with Booking(locked.session, author) as booking:
                _OF_TRADES[settlement.action](work, booking, trade)
        else:
            _OF_POSITIONS[settlement.action](
                work, held_of(locked.session, work.mode, str(settlement.symbol), locked.now)
            )
        locked.session.flush()
    except TradeConflict as conflict:
        raise NothingToSettle(str(conflict), details=conflict.details) from None


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


# -- positions ------------------------------------------------------------------------------------------------


def _adopt(work: _Work, held: Held) -> None:
    """What the broker holds beyond the open trades becomes a trade, whose id is the command's."""
    surplus, wanted = held.surplus, work.settlement.shares
    if surplus == 0 or surplus * held.shares < 0:
        raise NothingToSettle(
            f"Alpaca holds {held.shares:f} shares of {held.symbol} and the open trades {held.booked:f}: there is nothing"
            " to adopt."
        )
    shares = surplus if wanted is None else wanted
    if shares * surplus < 0 or abs(shares) > abs(surplus):
        raise NothingToSettle(f"Only {surplus:f} shares of {held.symbol} can be adopted, not {shares:f}.")
    trade = BotTrade(
        id=work.command.id,
        symbol=held.symbol,
        asset_id=held.asset_id,
        mode=work.mode,
        shares=shares,
        entry_price=work.settlement.entry_price or held.price_of_surplus,
        status=TradeStatus.OPEN,
        filled=True,
        entry_at=work.now,
        created_at=work.now,
        note=work.note,
    )
    work.session.add(trade)
    with Booking(work.session, work.author) as booking:
        booking.opened(trade, TradeEventKind.ADOPTED)


def _ignore(work: _Work, held: Held) -> None:
    shares = work.settlement.shares
    if shares is None:
        shares = held.surplus + held.ignored
    if shares == 0 or (held.shares - held.booked != shares):
        raise NothingToSettle(
            f"Alpaca holds {held.shares:f} shares of {held.symbol} and the open trades {held.booked:f}:"
            f" {held.shares - held.booked:f} can be ignored."
        )
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


def _watch(work: _Work, held: Held) -> None:
    ended = work.session.execute(
        delete(BotIgnoredPosition)
        .where(
            BotIgnoredPosition.mode == work.mode,
            or_(
                BotIgnoredPosition.symbol == held.symbol,
                BotIgnoredPosition.asset_id == (held.asset_id or ""),
            ),
        )
        .returning(BotIgnoredPosition.symbol)
    )
    if not ended.all():
        raise NothingToSettle(f"{held.symbol} is not ignored in {work.mode} mode.")


_OF_POSITIONS: Mapping[SettleAction, Callable[[_Work, Held], None]] = MappingProxyType(
    {SettleAction.ADOPT: _adopt, SettleAction.IGNORE: _ignore, SettleAction.WATCH: _watch}
)


# -- trades ---------------------------------------------------------------------------------------------------


def _adjust(work: _Work, booking: Booking, trade: BotTrade) -> None:
    if trade.status is not TradeStatus.OPEN:
        raise NothingToSettle(f"Trade {trade.id} is {trade.status}: only an open one is adjusted.")
    booking.adjust(
        trade,
        shares=work.settlement.shares or trade.open_shares,
        price=work.settlement.entry_price or trade.entry_price,
        now=work.now,
    )


def _close(work: _Work, booking: Booking, trade: BotTrade) -> None:
    settlement = work.settlement
    price, at = settlement.exit_price, settlement.exit_at or max(work.now, trade.entry_at)
    if at < trade.entry_at or at > work.now + timedelta(seconds=5):
        raise InvalidParams(
            details={
                "fields": {"exitAt": [f"must lie between the entry, {trade.entry_at.isoformat()}, and now"]}
            }
        )
    if price is None:  # the settlement's own check has refused it
        raise InvalidParams(details={"fields": {"exitPrice": ["is needed"]}})
    booking.book_exit(
        trade,
        shares=settlement.shares or trade.open_shares,
        price=price,
        at=at,
        source=ExitSource.SETTLEMENT,
    )


def _void(work: _Work, booking: Booking, trade: BotTrade) -> None:
    booking.void(trade, work.note, busted=True)


def _write_off(work: _Work, booking: Booking, trade: BotTrade) -> None:
    booking.miss(trade, ExitReason.RECONCILED_MISSING, work.note)
    booking.acknowledge(trade, work.now)


def _reopen(work: _Work, booking: Booking, trade: BotTrade) -> None:
    if trade.status is TradeStatus.OPEN:
        raise NothingToSettle(f"Trade {trade.id} is open.")
    held = held_of(work.session, work.mode, trade.symbol, work.now)
    wanted = trade.shares if trade.status is TradeStatus.CLOSED else trade.open_shares
    if held.surplus * wanted <= 0 or abs(held.surplus) < abs(wanted):
        raise NothingToSettle(
            f"Alpaca holds {held.shares:f} shares of {trade.symbol} and the open trades {held.booked:f}: there is no"
            f" position of {wanted:f} for trade {trade.id}."
        )
    if trade.status is TradeStatus.CLOSED:
        booking.remove_exits(trade, booking.exits(trade))
        return
    booking.reopen(trade, work.note)
    trade.filled = True


def _acknowledge(work: _Work, booking: Booking, trade: BotTrade) -> None:
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
