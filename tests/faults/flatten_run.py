"""One flatten of a whole system, whose parts die meanwhile, and what has to hold after it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from tests.support.broker import KEYS
from tests.support.stack import Stack

#: Every flatten ends within this time once all that failed is healed, in seconds.
PATIENCE_SEC = 90.0
KEY, SECRET = KEYS["paper"]


@dataclass
class FlattenRun:
    """Holdings that are bought, flattened, and accounted for."""

    stack: Stack
    #: Signed shares by symbol.
    holdings: dict[str, Decimal] = field(default_factory=dict)
    began: float = 0.0

    def __post_init__(self) -> None:
        # an account without a past, under the id that the mode is bound to
        account_id = self.control("GET", "")["id"]
        self.control("DELETE", "")
        self.control("PUT", "", {"id": account_id})

    def holds(self, **holdings: int) -> None:
        """Have the bot trade these signed shares, two minutes ago, and record that."""
        at = datetime.now(UTC) - timedelta(minutes=2)
        for symbol, shares in holdings.items():
            order = self.control(
                "POST",
                "/trades",
                {
                    "symbol": symbol,
                    "side": "buy" if shares > 0 else "sell",
                    "qty": str(abs(shares)),
                    "price": "10",
                    "at": at.isoformat(),
                },
            )
            self.stack.sql(
                "INSERT INTO bot_trade (symbol, shares, entry_price, entry_at, created_at, filled, mode, alpaca_order_id)"
                " VALUES (%s, %s, 10, %s, %s, true, 'paper', %s) RETURNING id",
                [symbol, shares, at, at, order["id"]],
            )
            self.holdings[symbol] = Decimal(shares)

    def orders(self, symbol: str, shares: int, side: str, limit: str) -> None:
        """Have the executor send an order that does not fill at its price."""
        answer = requests.post(
            f"{self.stack.broker.url}/v2/orders",
            json={
                "symbol": symbol,
                "qty": str(shares),
                "side": side,
                "type": "limit",
                "limit_price": limit,
                "time_in_force": "day",
            },
            headers={"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET},
            timeout=10,
        )
        assert answer.ok, answer.text

    def start(self) -> None:
        self.began = time.monotonic()
        done = self.stack.api().post("/flatten", {}, headers={"Prefer": "wait=10"})
        assert done.status_code == 200, done.text

    def row(self) -> dict[str, Any]:
        return self.stack.sql("SELECT * FROM bot_flatten ORDER BY started_at DESC LIMIT 1")[0]

    def wait_met(self, seconds: float = 20) -> None:
        """Returns when the sandbox has struck with its first fault."""
        self.stack.wait_for(
            lambda: self.stack.broker.control("GET", "/faults")[0]["struck"], seconds, "the fault has struck"
        )

    def wait_flat(self) -> float:
        """Seconds from the command until the broker's confirmation."""
        self.stack.wait_for(lambda: self.row()["state"] == "flat", PATIENCE_SEC, f"flat: {self.row()}")
        return time.monotonic() - self.began

    def check(self) -> None:
        """Raises AssertionError unless each position was closed exactly once and the books agree with the cash."""
        account = self.control("GET", "")
        assert account["positions"] == [], account["positions"]
        orders = self.control("GET", "/orders")
        assert not [each for each in orders if each["status"] not in FINISHED], orders
        for symbol, shares in self.holdings.items():
            traded = [
                Decimal(fill["qty"]) * (1 if each["side"] == "buy" else -1)
                for each in orders
                if each["symbol"] == symbol
                for fill in each["fills"]
            ]
            assert sum(traded) == 0, f"{symbol}: {traded}"
            closing = [each for each in traded if each * shares < 0]
            assert sum(closing) == -shares, f"{symbol} was closed by {closing}"

    def check_books(self) -> Decimal:
        """Raises AssertionError unless every trade is closed by force and the profit is the account's; returns it."""

        def booked() -> bool:
            return not self.stack.sql("SELECT 1 FROM bot_trade WHERE status <> 'closed'")

        self.stack.wait_for(booked, PATIENCE_SEC, "the fills are booked")
        reasons = self.stack.sql("SELECT DISTINCT exit_reason FROM bot_trade")
        assert [each["exit_reason"] for each in reasons] == ["force_close"]
        profit = self.stack.sql("SELECT sum(pnl) AS pnl FROM bot_trade")[0]["pnl"]
        cash = [Decimal(each["amount"]) for each in self.control("GET", "/cash") if each["kind"] == "fill"]
        assert profit == sum(cash), f"booked {profit}, cash {sum(cash)}"
        return Decimal(profit)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.stack.broker.control(method, f"/accounts/{KEY}{path}", body)


FINISHED = ("filled", "canceled", "expired", "rejected", "replaced", "done_for_day")
