"""The flatten process: rounds of reading, cancelling and closing, until two readings find nothing left.

It runs in a thread of a worker, or of web when no worker was seen. All it knows is in its row, so that a process that is
killed in any step is followed by another one that looks at the broker and goes on. Positions are closed by Alpaca's own
call, which sells what is held and not held by another order: repeated, it finds nothing to sell. It holds no lock on the
bot's row while it talks to the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.booking.author import Author
from bot.booking.booking import Booking
from bot.broker.alpaca import Alpaca
from bot.errors import BrokerError, BrokerNotFound, BrokerRefused, BrokerTimeout
from bot.flattening import flattens
from bot.flattening.plan import Closing, Plan, make_plan
from bot.models import (
    AlertKind,
    BotAlert,
    BotConfig,
    BotFlatten,
    BotIgnoredPosition,
    BotTrade,
    ExitReason,
    FlattenState,
    TradeStatus,
    Trigger,
)
from bot.reconciliation.gate_control import ask_for_attempt
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.states import Mode
from bot.storage.database import Database
from bot.storage.locked_bot import LockedBot

#: All calls of one round end within this time, in seconds; it leaves some of the lease.
BROKER_BUDGET_SEC = 8.0
WALL_SEC = 10.0
#: Between rounds that get on, and the most between rounds that do not.
ROUND = timedelta(seconds=1)
SLOWEST_ROUND = timedelta(seconds=15)
#: The second reading that confirms that the account is flat comes at least this much later.
CONFIRM_AFTER = timedelta(seconds=2)
#: While the market is closed, it is looked at this often.
CLOSED_ROUND = timedelta(seconds=30)

ACTOR = "flatten"

log = logging.getLogger(__name__)


@dataclass
class Round:
    """What one round saw and did."""

    plan: Plan | None = None
    is_open: bool = True
    #: Why positions could not be closed, by symbol.
    refused: dict[str, str] = field(default_factory=dict)
    error: str | None = None


class Flattener:
    """Works on the flatten that is due, a round at a time."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    def run(self) -> bool:
        """Make the round that is due. False when none was.

        Raises:
            DatabaseUnavailable: Postgres is away; nothing is lost, the next round looks at the broker again.
        """
        flatten = self._database.run(flattens.claim)
        if flatten is None:
            return False
        if flatten.attempts == 1:
            self._locked(lambda locked: _mark_exits(locked.session, flatten))
        ignored = self._database.read(lambda session: _ignored(session, flatten.mode))
        done = Round()
        try:
            run_with_timeout(WALL_SEC, lambda: self._act(flatten, ignored, done))
        except TimeoutError:
            done.error = str(BrokerTimeout())
        except BrokerError as error:
            done.error = str(error)
        self._report(flatten, done)
        return True

    def _act(self, flatten: BotFlatten, ignored: dict[str, Decimal], done: Round) -> None:
        access = self._settings.alpaca(flatten.mode)
        if access is None:
            raise BrokerError(f"The {flatten.mode} account has no keys in the settings of this process.")
        with Alpaca(access, budget_sec=BROKER_BUDGET_SEC) as alpaca:
            done.is_open = alpaca.clock().is_open
            # orders first: what closes between the two calls shows in the positions
            orders = alpaca.orders_since(None, status="open")
            plan = make_plan(
                alpaca.positions(),
                orders,
                ignored,
                frozenset(order.id for order in orders if _closes(order.client_order_id, flatten)),
                flatten.symbol,
                is_open=done.is_open,
            )
            done.plan = plan
            for order in plan.cancel:
                _try(lambda order=order: alpaca.cancel_order(order.id), order.symbol or order.id, done)  # type: ignore[misc]
            for closing in plan.close:
                _try(lambda closing=closing: _close(alpaca, closing), closing.position.symbol, done)  # type: ignore[misc]

    def _report(self, flatten: BotFlatten, done: Round) -> None:
        now = self._database.now()
        plan, state = done.plan, FlattenState.WORKING
        found_flat_at, next_in = None, ROUND
        if plan is None or done.refused:
            next_in = min(ROUND * 2 ** min(flatten.attempts, 6), SLOWEST_ROUND)
        elif plan.is_flat:
            first = flatten.found_flat_at
            if first is not None and now - first >= CONFIRM_AFTER:
                state = FlattenState.FLAT
            found_flat_at, next_in = first or now, CONFIRM_AFTER
        elif not done.is_open and not plan.cancel:
            state, next_in = FlattenState.WAITING_FOR_OPEN, CLOSED_ROUND

        def write(session: Session) -> bool:
            written = flattens.report(
                session,
                flatten.command_id,
                flatten.attempts,
                state=state,
                orders_left=None if plan is None else plan.orders_left,
                positions_left=None if plan is None else [_shown(each, done) for each in plan.left],
                error=done.error or next(iter(done.refused.values()), None),
                found_flat_at=found_flat_at,
                next_in=next_in,
            )
            if written and state is not flatten.state:
                session.add(BotAlert(kind=_ALERTS[state], facts=_facts(flatten, plan, done)))
            return written

        if self._database.run(write) and state is FlattenState.FLAT:
            log.info("flat (%s) after %s rounds", flatten.mode, flatten.attempts)
            self._locked(lambda locked: ask_for_attempt(locked.config, locked.now, Trigger.PERIODIC))

    def _locked(self, work: Callable[[LockedBot], None]) -> None:
        def locked_work(batch: object) -> None:
            locked = LockedBot.take(batch)  # type: ignore[arg-type]
            work(locked)
            locked.commit()

        self._database.batched(locked_work)


_ALERTS = {
    FlattenState.WORKING: AlertKind.FLATTENING,
    FlattenState.WAITING_FOR_OPEN: AlertKind.FLATTEN_WAITS,
    FlattenState.FLAT: AlertKind.FLAT,
}


def _mark_exits(session: Session, flatten: BotFlatten) -> None:
    """The fills to come end the open trades by force: reconciliation books them with this reason."""
    rows = select(BotTrade).where(BotTrade.status == TradeStatus.OPEN)
    if flatten.symbol is not None:
        rows = rows.where(BotTrade.symbol == flatten.symbol)
    with Booking(session, Author(ACTOR, command_id=flatten.command_id)) as booking:
        for trade in session.scalars(rows).all():
            booking.mark_exit_reason(trade, ExitReason.FORCE_CLOSE)


def _ignored(session: Session, mode: Mode) -> dict[str, Decimal]:
    rows = select(BotIgnoredPosition).where(BotIgnoredPosition.mode == mode)
    return {each.symbol: each.shares for each in session.scalars(rows)}


def _close(alpaca: Alpaca, closing: Closing) -> None:
    position = closing.position
    alpaca.close_position(
        position.asset_id or position.symbol, shares=None if closing.is_all else abs(closing.shares)
    )


def _try(act: Callable[[], object], symbol: str, done: Round) -> None:
    """One that is refused, or whose answer is lost, keeps no other waiting: the next round sees what became of it."""
    try:
        act()
    except BrokerNotFound:
        pass  # gone meanwhile
    except (BrokerRefused, BrokerTimeout) as error:
        done.refused[symbol] = f"{symbol}: {error}"


def _closes(client_order_id: str, flatten: BotFlatten) -> bool:
    return False


def _shown(closing: Closing, done: Round) -> dict[str, str]:
    symbol = closing.position.symbol
    shown = {"symbol": symbol, "shares": f"{closing.shares:f}"}
    return shown | ({"error": done.refused[symbol]} if symbol in done.refused else {})


def _facts(flatten: BotFlatten, plan: Plan | None, done: Round) -> dict[str, object]:
    return {
        "mode": flatten.mode,
        "commandId": str(flatten.command_id),
        "attempts": flatten.attempts,
        "positions": [_shown(each, done) for each in (plan.left if plan else ())][:20],
        "orders": plan.orders_left if plan else None,
    }
