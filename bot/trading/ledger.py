"""The ledger, in which the bot's programs record their trades. Each call is one transaction under the lock on the singleton
row, so that no stop, kill, mode switch or other trade can come between a check and the change.

The life of a trade, as an executor records it::

    open_trade      asks the gate and reserves a place; send no order before this
    record_entry    the order that was sent, and once it is finished, its fill
    void_trade      instead: the order did not and will not fill
    mark_exit_reason, record_exit for each part, close_trade for all of it or the rest

Only ``open_trade`` asks the gate. What has happened at the broker can be recorded in every state of the bot: a ledger that
rejects facts would only disagree with the broker. Every call may be repeated: the same data change nothing and return the same
trade, other data are a TradeConflict that says what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.booking import Author, Booking
from bot.errors import OutcomeUnknown, TradeNotFound
from bot.models import BotTrade, ExitReason
from bot.settings.settings import Settings
from bot.storage.database import Database
from bot.storage.locked_bot import in_locked_session
from bot.trading import entries, exits, trade_requests
from bot.trading.idempotency import IdempotencyKey

#: Money and shares; ``bot.trading.trade_requests`` says which floats are accepted.
Number = Decimal | str | int | float


class Ledger:
    """Records trades for *actor*, whom the trades' events name.

    Every method returns the trade as it is afterwards, and may raise:
        InvalidParams: naming each bad field; TradeConflict, TradeNotFound.
        IdempotencyConflict: the key was used for another request.
        OutcomeUnknown: the connection broke during the commit; repeating the call is safe if it has an order id or a key.
        DatabaseUnavailable: Postgres cannot be reached, or its lock is taken (LockBusy); nothing was changed.
    """

    def __init__(self, database: Database, settings: Settings, *, actor: str = "ledger") -> None:
        self._database = database
        self._settings = settings
        self._actor = actor

    def open_trade(
        self,
        *,
        symbol: str,
        shares: Number,
        entry_price: Number,
        alpaca_order_id: str | None = None,
        entry_at: datetime | None = None,
        catalyst_type: str | None = None,
        catalyst_tier: int | None = None,
        note: str | None = None,
        once: IdempotencyKey | None = None,
    ) -> BotTrade:
        """Open a trade if the gate is open. Shares are signed: negative is short.

        Without *alpaca_order_id* it is a reservation: it counts as open, and the order is sent afterwards. With it, the order
        has filled already.

        Raises:
            GateClosed: with every reason.
        """
        opening = trade_requests.read(trade_requests.OpenTrade, _given(locals()))
        trade_id = uuid4()

        def work(session: Session, books: Booking) -> BotTrade:
            return entries.open_trade(session, books, self._settings, trade_id, opening)

        return self._run(work, once, "open", None, opening)

    def record_entry(
        self,
        trade_id: UUID,
        *,
        alpaca_order_id: str,
        entry_price: Number | None = None,
        shares: Number | None = None,
        entry_at: datetime | None = None,
        once: IdempotencyKey | None = None,
    ) -> BotTrade:
        """Record the order of a trade, and, once the order is finished, the price and shares of its fill.

        The gate need not be open. Until a fill is known, another order may replace the recorded one, as after a replacement at
        the broker. A trade that was written off or made void before its fill was known is reopened. While the trade is open, a
        fill of more shares replaces the one before: an order's fill only grows. A fill of fewer shares, or of as many at
        another price, changes nothing if it was reported before, and is a TradeConflict otherwise.
        """
        entry = trade_requests.read(trade_requests.RecordEntry, _given(locals()))

        def work(session: Session, books: Booking) -> BotTrade:
            trade = get(session, trade_id)
            entries.record_entry(session, books, trade, entry, _clock(session))
            return trade

        return self._run(work, once, "entry", trade_id, entry)

    def void_trade(
        self, trade_id: UUID, *, note: str | None = None, once: IdempotencyKey | None = None
    ) -> BotTrade:
        """Make a trade void whose entry never filled: there was no position, and it counts nowhere."""
        withdrawal = trade_requests.read(trade_requests.VoidTrade, _given(locals()))

        def work(session: Session, books: Booking) -> BotTrade:
            trade = get(session, trade_id)
            entries.void_trade(books, trade, withdrawal)
            return trade

        return self._run(work, once, "void", trade_id, withdrawal)

    def mark_exit_reason(
        self, trade_id: UUID, exit_reason: ExitReason | str, *, once: IdempotencyKey | None = None
    ) -> BotTrade:
        """Record why an open trade is about to be exited. ``close_trade`` need not repeat it, and it survives a restart in
        between."""
        exiting = trade_requests.read(trade_requests.MarkExitReason, {"exit_reason": exit_reason})

        def work(session: Session, books: Booking) -> BotTrade:
            trade = get(session, trade_id)
            exits.mark_exit_reason(books, trade, exiting)
            return trade

        return self._run(work, once, "exit-reason", trade_id, exiting)

    def record_exit(
        self,
        trade_id: UUID,
        *,
        shares: Number,
        exit_price: Number,
        exit_at: datetime | None = None,
        alpaca_exit_order_id: str | None = None,
        exit_reason: ExitReason | str | None = None,
        note: str | None = None,
        once: IdempotencyKey | None = None,
    ) -> BotTrade:
        """Record a fill, or a part of a fill, of an exit; the trade is closed when its exits add up to its shares.

        Its P&L counts at once, on its own date in New York. An exit with the same order, shares, price and time as a recorded
        one is the same exit; give a time or an Idempotency-Key, so that a repeated call can be told from another fill. What
        reconciliation has booked from the broker's own record is not booked again.
        """
        exit_ = trade_requests.read(trade_requests.RecordExit, _given(locals()))
        now: datetime | None = None

        def work(session: Session, books: Booking) -> BotTrade:
            nonlocal now
            # the same time if the call is repeated: it tells the exit of an unknown commit from another exit
            now = now or _clock(session)
            trade = get(session, trade_id)
            exits.record_exit(session, books, trade, exit_, now)
            return trade

        return self._run(work, once, "exit", trade_id, exit_)

    def close_trade(
        self,
        trade_id: UUID,
        *,
        exit_price: Number,
        exit_reason: ExitReason | str | None = None,
        exit_at: datetime | None = None,
        alpaca_exit_order_id: str | None = None,
        note: str | None = None,
        once: IdempotencyKey | None = None,
    ) -> BotTrade:
        """Close a trade, or the rest of it: its P&L, and the statistics of the exit's date in New York, in one transaction.

        The gate need not be open: the position is gone in any case. A trade that was written off can be closed when its true
        exit becomes known. If some exits of the same order are booked already, *exit_price* is the average of the whole order:
        the rest gets the price that leads to this average.
        """
        exit_ = trade_requests.read(trade_requests.CloseTrade, _given(locals()))

        def work(session: Session, books: Booking) -> BotTrade:
            trade = get(session, trade_id)
            exits.close_trade(session, books, trade, exit_, _clock(session))
            return trade

        return self._run(work, once, "close", trade_id, exit_)

    def correct_trade(
        self,
        trade_id: UUID,
        *,
        reason: str,
        exit_price: Number | None = None,
        exit_at: datetime | None = None,
        exit_reason: ExitReason | str | None = None,
        note: str | None = None,
        once: IdempotencyKey | None = None,
    ) -> BotTrade:
        """Correct how a closed trade ended. The statistics of its dates change by the difference; an event keeps *reason*."""
        correction = trade_requests.read(trade_requests.CorrectTrade, _given(locals()))

        def work(session: Session, books: Booking) -> BotTrade:
            trade = get(session, trade_id)
            exits.correct_trade(books, trade, correction, _clock(session))
            return trade

        return self._run(work, once, "correct", trade_id, correction, reason=correction.reason)

    def _run(
        self,
        work: Callable[[Session, Booking], BotTrade],
        once: IdempotencyKey | None,
        operation: str,
        trade_id: UUID | None,
        said: trade_requests.TradeRequest,
        reason: str | None = None,
    ) -> BotTrade:
        request = {
            "operation": operation,
            "tradeId": None if trade_id is None else str(trade_id),
            **said.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        author = Author(self._actor, reason=reason, request_key=once.key if once else None)

        def locked(session: Session) -> BotTrade:
            before = once.find(session, request) if once else None
            if before is None:
                with Booking(session, author) as books:
                    trade = work(session, books)
            else:
                trade = get(session, before)
            if once and before is None:
                once.keep(session, request, trade.id)
            session.refresh(trade)
            return trade

        try:
            return in_locked_session(self._database, locked)
        except OutcomeUnknown:
            raise OutcomeUnknown(
                "The connection to the database broke while it committed, so the trade may or may not have been"
                " recorded. Send the same request again, with the same Idempotency-Key."
            ) from None


def get(session: Session, trade_id: UUID) -> BotTrade:
    """The trade with this id.

    Raises:
        TradeNotFound: it does not exist.
    """
    trade = session.get(BotTrade, trade_id)
    if trade is None:
        raise TradeNotFound(f"There is no trade {trade_id}.")
    return trade


def _clock(session: Session) -> datetime:
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in arguments.items()
        if value is not None and name not in ("self", "trade_id", "once")
    }
