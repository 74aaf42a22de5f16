"""One account at the sandbox that is to be flattened, the books that belong to it, and a process that does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import requests

from bot.commands.controller import Controller
from bot.flattening.process import Flattener
from bot.models import BotCommand, Trigger
from bot.reconciliation import evidence
from bot.states import CommandKind
from bot.status import gate
from bot.status.snapshot import snapshot
from tests.bot.world import World
from tests.support.waiting import wait_for

#: Every flatten of a test ends within this time, in seconds; most take three.
PATIENCE_SEC = 45.0


class Scene:
    """What a test of a flatten acts on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.account = world.paper
        self.controller: Controller = world.controller
        self.flattener = Flattener(world.database, world.settings, is_worker=True)

    # -- before it ------------------------------------------------------------------------------------------------

    def holds(self, symbol: str, shares: str = "10", *, price: str = "10") -> UUID:
        """Have the bot trade *shares*, signed, two minutes ago; returns its open trade."""
        at, order_id = self.owner_trades(symbol, shares, price=price)
        return self.world.trade(
            symbol,
            shares,
            entry_price=Decimal(price),
            alpaca_order_id=order_id,
            created_at=at,
            filled=True,
            mode="paper",
        )

    def owner_trades(self, symbol: str, shares: str, *, price: str = "10") -> tuple[datetime, str]:
        """Have the account trade *shares*, signed, two minutes ago; when, and by which order."""
        count = Decimal(shares)
        at = self.world.database.now() - timedelta(minutes=2)
        order = self.control(
            "POST",
            "/trades",
            {
                "symbol": symbol,
                "side": "buy" if count > 0 else "sell",
                "qty": str(abs(count)),
                "price": price,
                "at": at.isoformat(),
            },
        )
        return at, str(order["id"])

    def orders_limit(self, symbol: str, shares: str = "10", *, side: str = "sell", price: str = "500") -> str:
        """Have a program of the account send an order that does not fill at its price."""
        body = {"symbol": symbol, "qty": shares, "side": side, "type": "limit", "limit_price": price}
        order = self.call("POST", "/v2/orders", {**body, "time_in_force": "day"})
        return str(order["id"])

    def ignores(self, symbol: str, shares: str) -> None:
        self.world.sql(
            "INSERT INTO bot_ignored_position (mode, symbol, shares, actor) VALUES ('paper', %s, %s, 'alice')",
            (symbol, Decimal(shares)),
        )

    # -- the flatten ----------------------------------------------------------------------------------------------

    def start(self, **params: Any) -> BotCommand:
        return self.world.do(CommandKind.FLATTEN, params=params)

    def row(self) -> dict[str, Any]:
        """The last one."""
        return self.world.sql("SELECT * FROM bot_flatten ORDER BY started_at DESC LIMIT 1")[0]

    def until(self, condition: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """Make the rounds that are due until the row fulfils *condition*."""

        def look() -> dict[str, Any] | None:
            self.flattener.run()
            row = self.row()
            return row if condition(row) else None

        found = wait_for(look, PATIENCE_SEC, what, evidence=lambda: str(self.row()))
        assert found is not None
        return found

    def until_flat(self) -> dict[str, Any]:
        return self.until(lambda row: row["state"] == "flat", "flat")

    def round(self) -> dict[str, Any]:
        """Make one round, now."""
        self.world.sql("UPDATE bot_flatten SET next_round_at = clock_timestamp() WHERE finished_at IS NULL")
        assert self.flattener.run()
        return self.row()

    def book(self) -> None:
        """Have reconciliation bring the books up to date."""
        found = evidence.gather(self.world.database, self.world.settings)
        report = self.controller.conclude(found, Trigger.PERIODIC)
        assert (report.outcome, report.differences) == ("ok", []), report.error or report.differences

    # -- after it -------------------------------------------------------------------------------------------------

    def positions(self) -> dict[str, Decimal]:
        """Of the account itself, whatever its lists say."""
        held = self.control("GET", "")["positions"]
        return {each["symbol"]: Decimal(each["qty"]) for each in held}

    def traded(self, symbol: str) -> list[Decimal]:
        """Signed shares of every fill since the test's own trades, oldest first."""
        orders = [each for each in self.control("GET", "/orders") if each["symbol"] == symbol]
        fills = [
            (fill["at"] if "at" in fill else fill["transaction_time"], each["side"], Decimal(fill["qty"]))
            for each in orders
            for fill in each["fills"]
        ]
        return [shares if side == "buy" else -shares for _, side, shares in sorted(fills)]

    def cash_profit(self) -> Decimal:
        """What all trading has earned, in US dollars, by the account's own record of its cash."""
        return sum(
            (Decimal(each["amount"]) for each in self.control("GET", "/cash") if each["kind"] == "fill"),
            Decimal(0),
        )

    def booked_profit(self) -> Decimal:
        [row] = self.world.sql("SELECT coalesce(sum(pnl), 0) AS pnl FROM bot_trade")
        return Decimal(row["pnl"])

    def reasons(self) -> list[str]:
        """Why the gate is closed."""
        now = self.world.database.batched(snapshot)
        return list(gate.judge(now, self.world.settings).reasons)

    def alerts(self) -> list[str]:
        return [row["kind"] for row in self.world.sql("SELECT kind FROM bot_alert ORDER BY seq")]

    # -- the sandbox ----------------------------------------------------------------------------------------------

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Behind the scenes of this account."""
        return self.account.control(method, f"/accounts/{self.account.key}{path}", body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """As another program with the same keys does."""
        response = requests.request(
            method,
            self.account.url + path,
            json=body,
            headers={"APCA-API-KEY-ID": self.account.key, "APCA-API-SECRET-KEY": "s"},
            timeout=10,
        )
        assert response.ok, response.text
        return response.json() if response.content else None
