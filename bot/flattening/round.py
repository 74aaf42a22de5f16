"""One round of a flatten at the broker: read the account, cancel, close. It uses no database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from bot.broker.alpaca import Alpaca
from bot.broker.errors import (
    AccountMismatch,
    BrokerError,
    BrokerInconsistent,
    BrokerNotFound,
    BrokerRateLimited,
    BrokerRefused,
    BrokerTimeout,
)
from bot.broker.readings import Account, Position
from bot.broker.time_limits import FLATTEN_ROUND as LIMITS
from bot.flattening.plan import POSITIONS_LAG, Closing, Goal, Plan, Seen, Sent, make_plan
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.states import Mode

#: A call that closes or cancels is only begun if this much of the budget is left, in seconds.
LEAST_LEFT_SEC = 1.0
#: How much the account's market values and the list of positions may differ, in US dollars.
VALUE_GRAIN = Decimal(1)


class BrokerRound:
    """One round: what it read and did."""

    def __init__(self, settings: Settings, mode: Mode, account_id: str | None, goal: Goal) -> None:
        """*account_id* is the account that the mode is bound to; None while it is bound to none."""
        self._settings = settings
        self._mode = mode
        self._account_id = account_id
        self._goal = goal
        #: What was read; None if the account could not be read.
        self.plan: Plan | None = None
        self.is_open = True
        self.next_open: datetime | None = None
        #: The orders that close positions, as far as Alpaca answered.
        self.sent: list[Sent] = []
        #: Why positions, by symbol, could not be closed, and orders could not be cancelled.
        self.rejected: dict[str, str] = {}
        self.not_cancelled: list[str] = []
        #: Why the account could not be read, or the round was cut short.
        self.error: str | None = None
        self.retry_after_sec = 0.0

    def run(self, before_closing: Callable[[Iterable[Closing]], None]) -> None:
        """Read, cancel and close; *before_closing* is called with what is about to be closed, and may raise."""
        access = self._settings.alpaca(self._mode)
        if access is None:
            name = f"ALPACA_{self._mode.upper()}_API_KEY"
            self.error = (
                f"The {self._mode} account has no keys: set {name} and {name[:-3]}SECRET, then restart."
            )
            return
        deadline = time.monotonic() + LIMITS.budget_sec - LEAST_LEFT_SEC
        try:
            # leaving the context ends the calls of a thread that was abandoned
            with Alpaca(access, budget_sec=LIMITS.budget_sec) as alpaca:
                run_with_timeout(LIMITS.wall_sec, lambda: self._act(alpaca, deadline, before_closing))
        except TimeoutError:
            self.error = str(BrokerTimeout())
        except BrokerError as error:
            self.error = str(error)
            self.retry_after_sec = error.retry_after_sec or 0.0

    def _act(
        self, alpaca: Alpaca, deadline: float, before_closing: Callable[[Iterable[Closing]], None]
    ) -> None:
        seen, account = self._read(alpaca)
        plan = make_plan(self._goal, seen)
        if plan.shows_nothing and self._goal.symbols is None:
            _check_values(account, seen.positions)
        self.plan = plan
        if plan.cancel_all:
            if rejected := alpaca.cancel_all_orders():
                orders = "an order" if len(rejected) == 1 else f"{len(rejected)} orders"
                self.not_cancelled.append(f"Alpaca rejected the cancellation of {orders}.")
        else:
            for order in plan.cancel:
                if time.monotonic() > deadline:
                    return
                self._cancel(alpaca, order.id, order.symbol or order.id)
        before_closing(plan.close)
        # those that were rejected before come last, so that they do not delay others
        for closing in sorted(plan.close, key=lambda each: each.position.symbol in self._goal.rejected):
            if time.monotonic() > deadline:
                return
            self._close(alpaca, closing, seen.at)

    def _read(self, alpaca: Alpaca) -> tuple[Seen, Account]:
        clock, account = alpaca.clock(), alpaca.account()
        if self._account_id is not None and account.id != self._account_id:
            raise AccountMismatch(
                f"The {self._mode} keys belong to Alpaca account {account.id}, but {self._mode} mode is bound to"
                f" {self._account_id}: nothing is closed there. Put the right keys back."
            )
        self.is_open, self.next_open = clock.is_open, clock.next_open
        # orders first, positions last: a fill in between then shows in the positions, and no order is sent for it
        orders = alpaca.orders_since(None, status="open")
        fills = alpaca.fills_since(clock.at - POSITIONS_LAG)
        positions = alpaca.positions()
        return Seen(clock.at, clock.is_open, orders, fills, positions), account

    def _cancel(self, alpaca: Alpaca, order_id: str, name: str) -> None:
        try:
            alpaca.cancel_order(order_id)
        except BrokerNotFound:
            pass  # gone meanwhile
        except BrokerRateLimited:
            raise
        except BrokerError as error:
            self.not_cancelled.append(f"{name}: {error}")

    def _close(self, alpaca: Alpaca, closing: Closing, at: datetime) -> None:
        """Close one position. If this is rejected, or the answer is lost, others go on: the next round sees the result."""
        position = closing.position
        try:
            order = alpaca.close_position(
                position.asset_id or position.symbol, None if closing.is_all else closing.now
            )
            self.sent.append(Sent(order.id, position.symbol, closing.now, at))
        except BrokerNotFound:
            pass  # gone meanwhile
        except BrokerRateLimited:
            raise
        except BrokerRefused as error:
            self.rejected[position.symbol] = f"{position.symbol}: {error}"
        except BrokerError as error:
            self.rejected[position.symbol] = (
                f"{position.symbol}: {error} Whether it was done shows in a moment."
            )


def _check_values(account: Account, positions: Iterable[Position]) -> None:
    """
    Raises:
        BrokerInconsistent: the account is worth more than the positions in the list, so some are missing from it.
    """
    for name, value in (("long", account.long_market_value), ("short", account.short_market_value)):
        side = 1 if name == "long" else -1
        worths = [each.market_value for each in positions if each.shares * side > 0]
        listed = sum((abs(worth) for worth in worths if worth is not None), Decimal(0))
        if None not in worths and abs(value) - listed > VALUE_GRAIN:
            raise BrokerInconsistent(
                f"Alpaca's list of positions contradicts its own account: the {name} ones are worth {abs(value):.2f}"
                f" dollars there, and those in the list {listed:.2f}."
            )
