"""Where the bot's programs record their trades. Each call is one transaction under the lock on the singleton row, so
that no stop, kill, mode switch or other trade slips between a check and what follows from it.

The life of a trade, as an executor records it::

    open_trade      asks the gate and reserves a place: before this there may be no order
    record_entry    the order that was sent, and once it is finished, what of it filled
    void_trade      instead: the order never filled, and never will
    mark_exit_reason, close_trade

Only ``open_trade`` asks the gate. What has happened at the broker can be recorded whatever the state of the bot:
a ledger that refuses the truth would only disagree with the broker. Every call may be repeated: the same data again
change nothing and give the same trade, other data are a TradeConflict.
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
from bot.errors import GateClosed, OutcomeUnknown, TradeConflict, TradeNotFound
from bot.models import (
    SINGLETON,
    BotConfig,
    BotTrade,
    ExitReason,
    ExitSource,
    TradeStatus,
)
from bot.settings.settings import Settings
from bot.status import gate
from bot.status.snapshot import Snapshot, snapshot_in
from bot.storage.database import Database
from bot.trading import trade_requests, trade_rules
from bot.trading.idempotency import IdempotencyKey

#: Money and shares; see ``bot.trading.trade_requests`` for what a float has to be.
Number = Decimal | str | int | float


class Ledger:
    """Records trades.

    Every method gives the trade as it is afterwards, and may raise:
        InvalidParams: naming each bad field; TradeConflict, TradeNotFound.
        IdempotencyConflict: the key came with another request before.
        OutcomeUnknown: the connection broke at the commit; the same call again is safe if it has an order id or a key.
        DatabaseUnavailable: Postgres is away, or its lock is taken (LockBusy); nothing was changed.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

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

        Without *alpaca_order_id* it is a reservation: it counts as open, and the order is sent afterwards. With it, the
        order has filled already.

        Raises:
            GateClosed: with every reason.
        """
        opening = trade_requests.read(trade_requests.OpenTrade, _given(locals()))
        trade_id = uuid4()

        def work(session: Session) -> BotTrade:
            if opening.alpaca_order_id and (
                there := trade_rules.of_order(session, BotTrade.alpaca_order_id, opening.alpaca_order_id)
            ):
                trade_rules.must_agree(there, opening, "symbol", "shares", "entry_price", "entry_at")
                return there
            if there := session.get(BotTrade, trade_id):
                return there  # the transaction was committed, but its connection broke before it could say so
            now = snapshot_in(session)
            trade_rules.must_have_been(now.now, entryAt=opening.entry_at)
            return _open(session, now, self._settings, trade_id, opening)

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
        """Record the order of a trade, and, once the order is finished, the price and the shares that filled.

        Needs no open gate. A trade that was written off or made void before its fill was known is open again.
        While the trade is open, another fill replaces the one before, and the note says so. One of fewer shares than
        are recorded changes nothing: what filled of an order only grows, so that it is an earlier fill that came late.
        """
        entry = trade_requests.read(trade_requests.RecordEntry, _given(locals()))

        def work(session: Session) -> BotTrade:
            trade, now = _trade(session, trade_id), _clock(session)
            trade_rules.must_have_been(now, entryAt=entry.entry_at)
            trade_rules.must_own(session, trade, BotTrade.alpaca_order_id, entry.alpaca_order_id)
            if entry.shares is not None and entry.shares * trade.shares < 0:
                raise TradeConflict(
                    f"Trade {trade.id} is {trade_rules.side(trade.shares)}, but its fill is {trade_rules.side(entry.shares)}."
                )
            if trade.status is TradeStatus.OPEN and _is_outdated(trade, entry):
                return trade
            news = entry.entry_price is not None and not (
                trade.filled
                and not trade_rules.differences(trade, entry, "entry_price", "shares", "entry_at")
            )
            if not news and trade.alpaca_order_id is not None:
                return trade
            _reopen(session, trade)
            trade.alpaca_order_id = entry.alpaca_order_id
            if entry.entry_price is not None and entry.shares is not None and news:
                if trade.filled:
                    trade_rules.note(
                        trade, f"Its fill was recorded as {trade.shares} at {trade.entry_price} before."
                    )
                trade.entry_price, trade.shares = entry.entry_price, entry.shares
                trade.entry_at = entry.entry_at or (trade.entry_at if trade.filled else now)
                trade.filled = True
            return trade

        return self._run(work, once, "entry", trade_id, entry)

    def void_trade(
        self, trade_id: UUID, *, note: str | None = None, once: IdempotencyKey | None = None
    ) -> BotTrade:
        """Withdraw a trade whose entry never filled: there was no position, and it counts nowhere."""
        withdrawal = trade_requests.read(trade_requests.VoidTrade, _given(locals()))

        def work(session: Session) -> BotTrade:
            trade = _trade(session, trade_id)
            if trade.status is TradeStatus.VOID:
                return trade
            if trade.filled or trade.status is TradeStatus.CLOSED:
                raise TradeConflict(f"The entry of trade {trade.id} filled, so it cannot be void: close it.")
            trade.status, trade.exit_reason = TradeStatus.VOID, None
            trade_rules.note(trade, withdrawal.note)
            return trade

        return self._run(work, once, "void", trade_id, withdrawal)

    def mark_exit_reason(
        self, trade_id: UUID, exit_reason: ExitReason | str, *, once: IdempotencyKey | None = None
    ) -> BotTrade:
        """Record why an open trade is about to be exited; ``close_trade`` need not say it again, and a restart in
        between does not forget it."""
        exiting = trade_requests.read(trade_requests.MarkExitReason, {"exit_reason": exit_reason})

        def work(session: Session) -> BotTrade:
            trade = _trade(session, trade_id)
            if trade.status is not TradeStatus.OPEN and trade.exit_reason is not exiting.exit_reason:
                raise TradeConflict(f"Trade {trade.id} is {trade.status}: its exit reason stays as it is.")
            trade.exit_reason = exiting.exit_reason
            return trade

        return self._run(work, once, "exit-reason", trade_id, exiting)

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
        """Close a trade: its P&L, and the statistics of the exit's date in New York, in one transaction.

        Needs no open gate: the position is gone whatever the bot's state. A trade that was written off can be closed
        when its true exit becomes known.
        """
        exit_ = trade_requests.read(trade_requests.CloseTrade, _given(locals()))

        def work(session: Session) -> BotTrade:
            trade, now = _trade(session, trade_id), _clock(session)
            if trade.status is TradeStatus.CLOSED:
                trade_rules.must_agree(
                    trade, exit_, "exit_price", "exit_reason", "exit_at", "alpaca_exit_order_id"
                )
                return trade
            if trade.status is TradeStatus.VOID or not trade.filled:
                raise TradeConflict(
                    f"The entry of trade {trade.id} is not known to have filled: record it first."
                )
            if exit_.alpaca_exit_order_id:
                trade_rules.must_own(
                    session, trade, BotTrade.alpaca_exit_order_id, exit_.alpaca_exit_order_id
                )
            trade_rules.must_have_been(now, exitAt=exit_.exit_at)
            _close(session, trade, exit_, now)
            return trade

        return self._run(work, once, "close", trade_id, exit_)

    def _run(
        self,
        work: Callable[[Session], BotTrade],
        once: IdempotencyKey | None,
        operation: str,
        trade_id: UUID | None,
        said: trade_requests.TradeRequest,
    ) -> BotTrade:
        request = {
            "operation": operation,
            "tradeId": None if trade_id is None else str(trade_id),
            **said.model_dump(mode="json", by_alias=True, exclude_none=True),
        }

        def locked(session: Session) -> BotTrade:
            session.execute(select(BotConfig.id).where(BotConfig.id == SINGLETON).with_for_update())
            before = once.find(session, request) if once else None
            trade = work(session) if before is None else _trade(session, before)
            session.flush()
            if once and before is None:
                once.keep(session, request, trade.id)
            session.refresh(trade)
            return trade

        try:
            return self._database.run(locked)
        except OutcomeUnknown:
            raise OutcomeUnknown(
                "The connection to the database broke while it committed, so the trade may or may not have been"
                " recorded. Send the same request again, with the same Idempotency-Key."
            ) from None


def find(session: Session, trade_id: UUID) -> BotTrade | None:
    return session.get(BotTrade, trade_id)


# -- under the lock -------------------------------------------------------------------------------------------


def _open(
    session: Session, now: Snapshot, settings: Settings, trade_id: UUID, opening: trade_requests.OpenTrade
) -> BotTrade:
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
    return trade


def _close(session: Session, trade: BotTrade, exit_: trade_requests.CloseTrade, now: datetime) -> None:
    exit_at = exit_.exit_at or max(now, trade.entry_at)
    if exit_at < trade.entry_at:
        raise trade_requests.invalid(
            exitAt=[f"is before the entry, which was at {trade.entry_at.isoformat()}"]
        )
    reason = exit_.exit_reason or trade.exit_reason
    if reason is None:
        raise trade_requests.invalid(
            exitReason=[f"is needed; one of {', '.join(trade_requests.GIVEN_REASONS)}"]
        )
    if trade.status is TradeStatus.MISSED:
        trade_rules.note(trade, f"Was written off as {trade.exit_reason}; its exit became known later.")
    trade_rules.note(trade, exit_.note)
    with Booking(session, Author("ledger")) as books:
        books.book_exit(
            trade,
            shares=trade.open_shares,
            price=exit_.exit_price,
            at=exit_at,
            source=ExitSource.LEDGER,
            order_id=exit_.alpaca_exit_order_id,
            exit_reason=reason,
        )


def _reopen(session: Session, trade: BotTrade) -> None:
    if trade.status is TradeStatus.OPEN:
        return
    if trade.status is TradeStatus.CLOSED or trade.filled:
        raise TradeConflict(f"Trade {trade.id} is {trade.status}, and its entry stays as it was recorded.")
    mode = session.scalars(select(BotConfig.mode)).one()
    if trade.mode is not mode:
        raise TradeConflict(
            f"Trade {trade.id} was opened in {trade.mode} mode, and the bot is in {mode} mode now."
        )
    trade_rules.note(trade, f"Was {trade.status} until its order became known; open again.")
    trade.status, trade.exit_reason = TradeStatus.OPEN, None


def _is_outdated(trade: BotTrade, entry: trade_requests.RecordEntry) -> bool:
    return trade.filled and entry.shares is not None and abs(entry.shares) < abs(trade.shares)


def _trade(session: Session, trade_id: UUID) -> BotTrade:
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
