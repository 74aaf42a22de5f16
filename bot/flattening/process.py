"""The flatten process: rounds of reading, cancelling and closing, until two readings find nothing left.

It runs in a thread of a worker, or of web if no worker was seen. All its state is in its row, so if a process is killed at any
step, another one reads the account again and continues. Positions are closed by Alpaca's own call, which sells the shares that
no other order holds; repeated, it finds nothing to sell. The bot's row is not locked while the broker is called.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.alerts import outbox
from bot.booking.author import Author
from bot.booking.booking import Booking
from bot.flattening import exit_marks, flattens
from bot.flattening.plan import ORDERS_LAG, Closing, Goal, Sent
from bot.flattening.round import BrokerRound
from bot.models import AlertKind, BotConfig, BotFlatten, BotIgnoredPosition, FlattenState, Trigger
from bot.reconciliation.gate_control import ask_for_attempt
from bot.settings.settings import Settings
from bot.states import Mode
from bot.storage.database import Database
from bot.storage.locked_bot import LockedBot, in_locked_session, with_locked_bot
from bot.storage.look import Look

#: How often a round that is due is looked for, in seconds.
LOOK_SEC = 1.0
#: The second reading, which confirms that nothing is left, comes at least this much later.
CONFIRM_AFTER = timedelta(seconds=2)
#: While the market is closed the account is read this often, and at the opening bell.
CLOSED_ROUND = timedelta(seconds=30)
#: Wait after a round in which the broker could not be read.
AFTER_ERROR = timedelta(seconds=2)
#: Between tries to close a position that was rejected: doubled each time, up to the last.
FIRST_RETRY, LAST_RETRY = timedelta(seconds=1), timedelta(seconds=15)
#: An alert is sent if a flatten is not done after this time while the market is open.
STUCK_AFTER = timedelta(seconds=60)
#: The books are brought up to date every this many rounds, if something was closed.
ROUNDS_PER_RECONCILIATION = 5
#: The most positions that an alert names.
MOST_NAMED = 20

ACTOR = "flatten"

log = logging.getLogger(__name__)


class Flattener:
    """Makes the due rounds of the flatten at work. One thread of a process calls ``run`` repeatedly."""

    def __init__(self, database: Database, settings: Settings, *, is_worker: bool) -> None:
        """*is_worker* says that this process works on it first; others do if no worker does."""
        self._database = database
        self._settings = settings
        self._is_worker = is_worker
        self._look = Look("is_flatten_due", flattens.is_due(is_worker=is_worker))

    def run(self) -> bool:
        """Make the round that is due. False when none was, or another process is at it.

        Raises:
            DatabaseUnavailable: Postgres is away. Nothing is lost: the next round looks at the broker again.
        """
        if not self._look.take(self._database):
            return False
        command_id = self._database.read(lambda session: flattens.due(session, is_worker=self._is_worker))
        if command_id is None:
            return False
        with self._database.holding(command_id) as is_free:
            flatten = self._database.run(
                lambda session: flattens.claim(
                    session, command_id, is_worker=self._is_worker, is_free=is_free
                )
            )
            if flatten is None:
                return False
            ignored, account_id = self._database.read(lambda session: _known(session, flatten.mode))
            began = self._database.now()
            goal = _goal(flatten, ignored, began)
            done = BrokerRound(self._settings, flatten.mode, account_id, goal)
            done.run(before_closing=lambda closings: self._mark(flatten, closings))
            self._report(flatten, done, began)
        return True

    def _mark(self, flatten: BotFlatten, closings: Iterable[Closing]) -> None:
        """Mark the trades that the coming fills end: reconciliation books the fills with this reason."""
        symbols = {each.position.symbol for each in closings}
        assets = {each.position.asset_id for each in closings}
        if not symbols or not self._database.read(
            lambda session: exit_marks.any_unmarked(session, flatten.mode, symbols, assets)
        ):
            return

        def mark(session: Session) -> None:
            with Booking(session, Author(ACTOR, command_id=flatten.command_id)) as booking:
                exit_marks.mark(session, booking, flatten.mode, symbols, assets)

        in_locked_session(self._database, mark)

    def _report(self, flatten: BotFlatten, done: BrokerRound, began: datetime) -> None:
        now = self._database.now()
        plan = done.plan
        retries = _retries(flatten, done, now)
        state, found_flat_at, next_in = _progress(flatten, done, began, now)
        values: dict[str, Any] = {
            "state": state,
            "found_flat_at": found_flat_at,
            "error": _error(done, retries),
            "retries": retries,
        }
        if plan is not None:
            values["orders_left"] = plan.orders_left
            values["positions_left"] = [_shown(each, retries) for each in plan.left]
        told = self._alert(flatten, state, values, now)
        if told is AlertKind.FLATTEN_STUCK:
            values["told_at"] = now

        def write(session: Session) -> bool:
            written = flattens.report(
                session,
                flatten.command_id,
                flatten.attempts,
                sent=[_as_json(sent) for sent in done.sent],
                next_in=next_in,
                **values,
            )
            if written and told is not None:
                outbox.put(session, told, _facts(flatten, values, now))
            return written

        if not self._database.run(write):
            return
        is_flat = state is FlattenState.FLAT
        if is_flat:
            log.info("flat (%s) after %s rounds", flatten.mode, flatten.attempts)
        if is_flat or (flatten.closing_orders and flatten.attempts % ROUNDS_PER_RECONCILIATION == 0):
            with_locked_bot(self._database, lambda locked: _ask_for_reconciliation(locked, flatten.mode))

    def _alert(
        self, flatten: BotFlatten, state: FlattenState, values: Mapping[str, Any], now: datetime
    ) -> AlertKind | None:
        if state is FlattenState.FLAT:
            return AlertKind.FLAT
        if state is FlattenState.WAITING_FOR_OPEN:
            return None if flatten.state is state else AlertKind.FLATTEN_WAITS
        is_late = now - flatten.started_at > STUCK_AFTER and flatten.state is FlattenState.WORKING
        return AlertKind.FLATTEN_STUCK if is_late and values["error"] and flatten.told_at is None else None


def _known(session: Session, mode: Mode) -> tuple[dict[str, Decimal], str | None]:
    """The shares that are not the bot's, by symbol, and the account that the mode is bound to."""
    rows = session.scalars(select(BotIgnoredPosition).where(BotIgnoredPosition.mode == mode))
    ignored = {each.symbol: each.shares for each in rows}
    config = session.scalars(select(BotConfig)).one()
    return ignored, config.paper_account_id if mode is Mode.PAPER else config.live_account_id


def _goal(flatten: BotFlatten, ignored: Mapping[str, Decimal], now: datetime) -> Goal:
    rejected = {symbol: datetime.fromisoformat(each["at"]) for symbol, each in flatten.retries.items()}
    return Goal(
        started_at=flatten.started_at,
        symbols=None if flatten.symbols is None else frozenset(flatten.symbols),
        ignored=ignored,
        sent=[
            Sent(each["id"], each["symbol"], Decimal(each["shares"]), datetime.fromisoformat(each["at"]))
            for each in flatten.closing_orders
        ],
        rejected=frozenset(rejected),
        resting=frozenset(symbol for symbol, retry_at in rejected.items() if retry_at > now),
    )


def _progress(
    flatten: BotFlatten, done: BrokerRound, began: datetime, now: datetime
) -> tuple[FlattenState, datetime | None, timedelta]:
    """The state after a round that *began* then, when a reading first found nothing, and the wait until the next round."""
    plan = done.plan
    wait = max(AFTER_ERROR, timedelta(seconds=done.retry_after_sec))
    if plan is None:
        # a failed reading proves nothing, neither that the account is flat nor that it is not
        return flatten.state, flatten.found_flat_at, wait
    if plan.shows_nothing:
        first = flatten.found_flat_at or now
        # an order that was on its way when the flatten began may arrive between two readings that follow each other fast
        all_arrived = flatten.started_at + ORDERS_LAG
        is_confirmed = now - first >= CONFIRM_AFTER and began >= all_arrived and not plan.is_unsettled
        state = FlattenState.FLAT if is_confirmed else FlattenState.WORKING
        return state, first, max(CONFIRM_AFTER, all_arrived - now)
    if not done.is_open and not plan.cancel and not plan.close:
        until_bell = done.next_open - now if done.next_open is not None else CLOSED_ROUND
        wait = min(max(until_bell, timedelta(seconds=1)), CLOSED_ROUND)
        return FlattenState.WAITING_FOR_OPEN, None, wait
    pace = _pace(flatten.attempts)
    return FlattenState.WORKING, None, pace if done.error is None else max(wait, pace)


def _pace(attempts: int) -> timedelta:
    """The wait between rounds that find something left. A round makes at least five calls, and Alpaca allows all programs of an
    account 200 a minute together."""
    return timedelta(seconds=1 if attempts <= 8 else 3 if attempts <= 30 else 10)


def _retries(flatten: BotFlatten, done: BrokerRound, now: datetime) -> dict[str, Any]:
    """The rejected closings: those of this round, and earlier ones of positions that are still there."""
    if done.plan is None:
        return flatten.retries
    left = {each.position.symbol for each in done.plan.left}
    closed = {each.symbol for each in done.sent}
    kept = {symbol: each for symbol, each in flatten.retries.items() if symbol in left - closed}
    for symbol, error in done.rejected.items():
        tries = kept.get(symbol, {}).get("tries", 0) + 1
        wait = min(FIRST_RETRY * 2 ** min(tries - 1, 10), LAST_RETRY)
        kept[symbol] = {"tries": tries, "at": (now + wait).isoformat(), "error": error}
    return kept


def _error(done: BrokerRound, retries: Mapping[str, Any]) -> str | None:
    """Why it did not get further, the most serious reason first."""
    if done.error is not None:
        return done.error
    said = [each["error"] for each in retries.values()] + done.not_cancelled
    if done.plan is not None and done.plan.opposed:
        symbols = ", ".join(done.plan.opposed[:10])
        said.append(
            f"Orders for {symbols} were sent after the flatten began: a program trades although the gate is closed. They are"
            " cancelled again; stop that program."
        )
    return " ".join(said[:5]) or None


def _ask_for_reconciliation(locked: LockedBot, mode: Mode) -> None:
    if locked.config.mode is mode:
        ask_for_attempt(locked.config, locked.now, Trigger.PERIODIC)


def _shown(closing: Closing, retries: Mapping[str, Any]) -> dict[str, str]:
    symbol = closing.position.symbol
    shown = {"symbol": symbol, "shares": f"{closing.shares:f}"}
    return shown | ({"error": retries[symbol]["error"]} if symbol in retries else {})


def _as_json(sent: Sent) -> dict[str, str]:
    return {
        "id": sent.order_id,
        "symbol": sent.symbol,
        "shares": f"{sent.shares:f}",
        "at": sent.at.isoformat(),
    }


def _facts(flatten: BotFlatten, values: Mapping[str, Any], now: datetime) -> dict[str, object]:
    return {
        "mode": flatten.mode,
        "commandId": str(flatten.command_id),
        "symbols": flatten.symbols,
        "attempts": flatten.attempts,
        "forSec": round((now - flatten.started_at).total_seconds()),
        "positions": (values.get("positions_left", flatten.positions_left) or [])[:MOST_NAMED],
        "orders": values.get("orders_left", flatten.orders_left),
        "error": values["error"],
    }
