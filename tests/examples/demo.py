"""The example bot as a process of its own, and what the ledger and the broker have of its doings."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from launcher.reaper import Guard
from tests.support.broker import KEYS
from tests.support.client import TOKENS
from tests.support.process import Process
from tests.support.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = KEYS["paper"]
#: How many times faster than by default the bot goes here; one run is at its true pace.
SPEED = 5.0


class Demo:
    """The bot's process, and what the ledger and the broker have of its doings."""

    def __init__(self, stack: Stack, guard: Guard, speed: float = SPEED) -> None:
        self.stack = stack
        self.speed = speed
        self.process = Process(
            "demo",
            [sys.executable, "-m", "examples.demo_bot"],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONUNBUFFERED": "1",
                "PITBOSS_URL": stack.url,
                "PITBOSS_TOKEN": TOKENS["bot"],
                "ALPACA_PAPER_URL": stack.broker.url,
                "ALPACA_PAPER_API_KEY": KEY,
                "ALPACA_PAPER_API_SECRET": SECRET,
                "DEMO_BOT_SPEED": str(speed),
            },
            cwd=ROOT,
            log=stack.directory / "demo.log",
            guard=guard,
        )

    def trades(self, where: str = "true") -> list[dict[str, Any]]:
        return self.stack.sql(f"SELECT * FROM bot_trade WHERE {where} ORDER BY created_at")

    def account(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stack.broker.control("GET", f"/accounts/{KEY}")
        return found

    def orders(self, name: str = "") -> list[dict[str, Any]]:
        """The orders at the broker whose client order id has this in it."""
        return [order for order in self.account()["orders"] if name in order["client_order_id"]]

    def wait(self, what: str, condition: Any, seconds: float = 20) -> Any:
        return self.stack.wait_for(condition, seconds, f"{what}\n{self.process.log(whole=True)}")

    def wait_for_open(self, count: int = 1) -> list[dict[str, Any]]:
        """Returns when that many trades are open and their fills recorded."""
        return list(
            self.wait(
                f"{count} trades are open",
                lambda: len(rows := self.trades("status = 'open' AND filled")) >= count and rows,
            )
        )

    def intents(self) -> set[str]:
        """What the orders at the broker were for: to open, or to close."""
        return {order["position_intent"] for order in self.orders()}

    def agrees(self) -> bool:
        """Whether ledger and broker have the same positions, and realized the same profit, to the last digit."""
        account = self.account()
        there = {row["symbol"]: Decimal(row["qty"]) for row in account["positions"]}
        here = {row["symbol"]: row["shares"] for row in self.trades("status = 'open'")}
        pnl = sum((row["pnl"] for row in self.trades("pnl IS NOT NULL")), Decimal(0))
        days = sum(
            (row["realized_pnl"] for row in self.stack.sql("SELECT * FROM bot_daily_stats")), Decimal(0)
        )
        return there == here and pnl == days == Decimal(account["realized_pl"])

    def act(self, order_id: str, action: str, **body: Any) -> Any:
        """Do something to an order, as the broker would."""
        return self.stack.broker.control("POST", f"/accounts/{KEY}/orders/{order_id}/{action}", body)

    def hold(self, seconds: int) -> None:
        """Have positions sold after this time."""
        assert self.stack.api().patch("/config", {"maxHoldDurationSec": seconds}).status_code == 200

    def flatten(self) -> None:
        """Pause, and wait until all is sold."""
        self.stack.api().do("/pause")
        self.hold(1)
        self.wait("all is sold", lambda: not self.trades("status = 'open'"))

    def restart_the_worker(self) -> None:
        """kill -9, and a new one: it reconciles before anything may be opened."""
        self.stack.worker.kill()
        self.stack.start_worker()
        self.stack.wait_accepting()
