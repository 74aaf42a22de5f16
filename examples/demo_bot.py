"""A bot that obeys, to be watched: it buys a few shares at the sandbox, sells them again, and records it all.

Its "strategy" is a joke; what it shows is how a program works with Pitboss. It asks the gate, opens a trade before it
sends the order, names the order after the trade, and records what filled. Killed at any point and started again, it
asks the broker by these names how far it had come.

    python -m examples.demo_bot, with PITBOSS_URL, PITBOSS_TOKEN (of role bot), ALPACA_PAPER_URL, ALPACA_PAPER_API_KEY
    and ALPACA_PAPER_API_SECRET in the environment; with DEMO_BOT_SPEED=5 all its waits take a fifth of their time
"""

import contextlib
import itertools
import math
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import requests

from client import Pitboss, PitbossError
from client.models import Gate, Trade
from examples.clients import PLACES, Broker, Row, plain

#: What it buys, and the most that it pays for a share, in US dollars.
WATCHLIST = {"BOAT": "10.30", "DRUM": "9.70", "GULF": "8.10", "HARP": "11.50", "SOIL": "9.50", "VINE": "7.90"}
TICK_SEC = 1.0
BETWEEN_ENTRIES_SEC = 3.0
#: How long it holds a position, unless the thresholds say less.
HOLD_SEC = 12.0
#: How long an order may take to fill.
PATIENCE_SEC = 5.0
#: An order that the broker does not know by then was never sent.
ON_ITS_WAY_SEC = 10.0
LOOK_BACK_SEC = 15.0
#: How long Pitboss is asked again before it is left for the next tick.
ASK_SEC = 2.0
PROFIT_PCT = Decimal("0.5")


class DemoBot:
    def __init__(self, pitboss: Pitboss, broker: Broker, speed: float = 1.0) -> None:
        self._pitboss, self._broker, self._speed = pitboss, broker, speed
        self._heard: Gate | None = None
        self._next_entry = self._next_look_back = 0.0

    def tick(self) -> None:
        gate = self._pitboss.gate()
        if gate != self._heard:
            say(f"the gate is {'open' if gate.may_open else 'closed: ' + ', '.join(gate.reasons)}")
            self._heard = gate
        if not gate.may_monitor or "flattening" in gate.reasons:
            return  # a flatten sells all by itself
        missed: list[Trade] = []
        if time.monotonic() > self._next_look_back:
            # what was written off may have filled, or been sold, after all
            self._next_look_back = time.monotonic() + LOOK_BACK_SEC / self._speed
            missed = list(self._pitboss.trades(status="missed", limit=10))
        trades = list(self._pitboss.trades(status="open"))
        for trade in missed + trades:
            with trying(trade):
                self._settle(trade)
        self._watch([trade for trade in trades if trade.filled and not trade.exit_reason])
        free = sorted(WATCHLIST.keys() - {trade.symbol for trade in trades})
        if gate.may_open and free and time.monotonic() > self._next_entry:
            self._next_entry = time.monotonic() + BETWEEN_ENTRIES_SEC / self._speed
            self._enter(random.choice(free))  # noqa: S311 - a coin, not a key

    def _enter(self, symbol: str) -> None:
        limit = WATCHLIST[symbol]
        shares = max(1, int(self._pitboss.config().position_size_usd / Decimal(limit)))
        trade = self._pitboss.open_trade(symbol, shares=shares, price=limit, catalyst_tier=4)
        if trade.mode != "paper":
            self._pitboss.void_trade(trade.id, "The demo trades on paper only.")
            return
        order = self._broker.send(str(trade.id), symbol, shares, "buy", type="limit", limit_price=limit)
        self._finish_entry(trade, order)

    def _finish_entry(self, trade: Trade, order: Row) -> None:
        if not trade.alpaca_order_id:
            self._pitboss.record_entry(trade.id, order["id"])
        order = self._broker.finish(order, PATIENCE_SEC / self._speed)
        shares, price = order["filled_qty"], order["filled_avg_price"]
        if Decimal(shares) == 0:
            self._pitboss.void_trade(trade.id, f"The order is {order['status']}; nothing filled.")
            say(f"{trade.symbol}: nothing filled", trade)
            return
        self._pitboss.record_entry(trade.id, order["id"], price=price, shares=shares, at=order["filled_at"])
        say(f"bought {shares} {trade.symbol} at {price}", trade)

    def _watch(self, trades: list[Trade]) -> None:
        if not trades:
            return
        thresholds, prices = self._pitboss.config(), self._broker.prices()
        for trade in trades:
            if trade.symbol not in prices:
                continue  # gone at the broker: that is for reconciliation to judge
            gain_pct = (Decimal(prices[trade.symbol]) - trade.entry_price) / trade.entry_price * 100
            longest_sec = min(HOLD_SEC / self._speed, thresholds.max_hold_duration_sec)
            with trying(trade):
                if gain_pct <= -thresholds.hard_stop_loss_pct:
                    self._exit(trade, "hard_stop")
                elif gain_pct >= PROFIT_PCT:
                    self._exit(trade, "profit_target")
                elif age_sec(trade.entry_at) > longest_sec:
                    self._exit(trade, "time_exit")

    def _exit(self, trade: Trade, reason: str) -> None:
        # marked before the order is sent: whoever starts again sees that an exit was begun
        self._pitboss.mark_exit_reason(trade.id, reason)
        self._finish_exit(trade, may_send=True)

    def _finish_exit(self, trade: Trade, *, may_send: bool) -> None:
        """Sell what the orders so far have left. It sends one order at most: the gate is asked before another."""
        left, received = trade.shares, Decimal(0)
        for attempt in itertools.count(1):
            name = f"{trade.id}-exit-{attempt}"
            order = self._broker.find(name)
            if order is None:
                # no more than is still there: who sold the rest, a person or a flatten, has it booked by reconciliation,
                # and a sale of what is gone would open a short position
                size = min(left, self._broker.held(trade.symbol))
                if not may_send or size <= 0:
                    return
                order, may_send = self._broker.send(name, trade.symbol, size, "sell", type="market"), False
            order = self._broker.finish(order, PATIENCE_SEC / self._speed)
            if filled := Decimal(order["filled_qty"]):
                left -= filled
                received += filled * Decimal(order["filled_avg_price"])
            if left <= 0:
                self._record_exit(trade, order, received / trade.shares)
                return

    def _record_exit(self, trade: Trade, last: Row, average: Decimal) -> None:
        price = plain(round(average, PLACES))
        closed = self._pitboss.close_trade(trade.id, price=price, at=last["filled_at"], order_id=last["id"])
        sold = f"sold {plain(trade.shares)} {trade.symbol} at {price}"
        say(f"{sold}: {closed.pnl:+.2f} USD, {closed.exit_reason}", trade)

    def _settle(self, trade: Trade) -> None:
        """Finish what an earlier run, or a call that failed, left half done."""
        if trade.filled:
            if trade.exit_reason:
                self._finish_exit(trade, may_send=trade.status == "open")
        elif order := self._broker.find(str(trade.id)):
            self._finish_entry(trade, order)
        elif age_sec(trade.created_at) > ON_ITS_WAY_SEC / self._speed:
            self._pitboss.void_trade(trade.id, "Its order was never sent.")
            say(f"{trade.symbol}: its order was never sent", trade)


def age_sec(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def say(words: str, trade: Trade | None = None) -> None:
    about = "" if trade is None else f"  [{str(trade.id)[:8]}]"
    print(f"{words}{about}", flush=True)


@contextlib.contextmanager
def trying(trade: Trade | None = None) -> Iterator[None]:
    """What fails with one trade does not stop the others: each is tried again with the next tick."""
    try:
        yield
    except PitbossError as error:
        say(f"this did not work, it is tried again: {error}", trade)
    except requests.RequestException as error:
        answered = error.response is not None and error.response.text
        say(f"this did not work, it is tried again: {answered or error}", trade)


def speed_wanted() -> float:
    given = os.environ.get("DEMO_BOT_SPEED") or "1"
    try:
        speed = float(given)
    except ValueError:
        speed = 0.0
    if not 0 < speed < math.inf:
        sys.exit(f"The demo bot cannot start: DEMO_BOT_SPEED must be a number above 0, not {given}.")
    return speed


def main() -> None:
    names = ["PITBOSS_URL", "PITBOSS_TOKEN"]
    names += [f"ALPACA_PAPER_{name}" for name in ("URL", "API_KEY", "API_SECRET")]
    if missing := [name for name in names if not os.environ.get(name)]:
        sys.exit(f"The demo bot cannot start: set {', '.join(missing)}.")
    url, token, *access = (os.environ[name] for name in names)
    speed, stopping = speed_wanted(), threading.Event()
    bot = DemoBot(Pitboss(url, token, patience_sec=ASK_SEC), Broker(*access), speed)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    while not stopping.wait(TICK_SEC / speed):
        with trying():
            bot.tick()


if __name__ == "__main__":
    main()
