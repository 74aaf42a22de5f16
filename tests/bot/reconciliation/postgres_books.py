"""The real books: ledger, settlements and reconciliation on Postgres, and the model broker behind HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic.alias_generators import to_camel

from bot.errors import PitbossError
from bot.ledger import Ledger
from bot.models import Trigger
from bot.states import CommandKind
from tests.bot.fake_account import FakeAccount
from tests.bot.reconciliation.book_rows import Conflict, Exit, Found, Row
from tests.bot.reconciliation.broker_model import ZERO, ModelBroker
from tests.bot.world import World

#: Every time that an attempt to reconcile looks at; the clock of Postgres cannot be moved, so what happened is.
_TIMES = {
    "bot_trade": ("created_at", "entry_at", "exit_at", "adjusted_at"),
    "bot_trade_exit": ("at", "created_at"),
    "bot_suspect": ("since",),
}


def now() -> datetime:
    return datetime.now(UTC)


class PostgresBooks:
    """See ``reconciled_day.Books``."""

    def __init__(self, world: World[FakeAccount], broker: ModelBroker) -> None:
        self._world = world
        self._broker = broker
        self._ledger = Ledger(world.database, world.settings)

    def rows(self) -> Mapping[UUID, Row]:
        exits: dict[UUID, list[Exit]] = {}
        earned: dict[UUID, Decimal] = {}
        for each in self._world.sql("SELECT * FROM bot_trade_exit ORDER BY id"):
            trade_id = each["trade_id"]
            found = Exit(
                *(each["shares"], each["price"], each["at"], each["created_at"]),
                *(each["order_id"], each["fill_id"]),
            )
            exits.setdefault(trade_id, []).append(found)
            earned[trade_id] = earned.get(trade_id, ZERO) + each["pnl"]
        return {
            trade_id: Row(
                id=trade_id,
                symbol=row["symbol"],
                shares=row["shares"],
                price=row["entry_price"],
                created_at=row["created_at"],
                entry_at=row["entry_at"],
                asset_id=row["asset_id"],
                order_id=row["alpaca_order_id"],
                filled=row["filled"],
                adjusted_at=row["adjusted_at"],
                status=row["status"],
                exits=exits.get(trade_id, []),
                pnl=earned.get(trade_id, ZERO),
            )
            for trade_id, row in self._world.trades().items()
        }

    # -- the executor -------------------------------------------------------------------------------------------

    def reserve(self, symbol: str, shares: Decimal, price: Decimal) -> UUID:
        """Past the gate, which was open when the executor asked it."""
        return self._world.trade(symbol, shares, entry_price=price, filled=False, created_at=now())

    def attach(self, trade_id: UUID, order_id: str) -> None:
        self._do(self._ledger.record_entry, trade_id, alpaca_order_id=order_id)

    def record_entry(
        self, trade_id: UUID, order_id: str, shares: Decimal, price: Decimal, at: datetime
    ) -> None:
        fill = {"shares": shares, "entry_price": round(price, 9), "entry_at": at}
        self._do(self._ledger.record_entry, trade_id, alpaca_order_id=order_id, **fill)

    def void(self, trade_id: UUID) -> None:
        self._do(self._ledger.void_trade, trade_id, note="nothing filled")

    def record_exit(
        self, trade_id: UUID, shares: Decimal, price: Decimal, at: datetime, order_id: str
    ) -> None:
        fill = {"shares": shares, "exit_price": price, "exit_at": at, "exit_reason": "time_exit"}
        self._do(self._ledger.record_exit, trade_id, alpaca_exit_order_id=order_id, **fill)

    def _do(self, method: Any, trade_id: UUID, **facts: Any) -> None:
        try:
            method(trade_id, **facts)
        except PitbossError as error:
            raise Conflict(str(error)) from None

    # -- the operator -------------------------------------------------------------------------------------------

    def settle(self, action: str, **params: Any) -> None:
        said = {to_camel(name): str(value) for name, value in params.items()}
        command = self._world.do(CommandKind.SETTLE, params={"action": action, **said}, reason="the search")
        assert command.status == "applied", (action, said, command.error_code)

    # -- reconciliation -----------------------------------------------------------------------------------------

    def reconcile(self) -> Found:
        self._broker.show(self._world.paper)
        before = self._missed()
        report = self._world.reconcile(Trigger.PERIODIC)
        return Found(
            missed=self._missed() - before,
            differences={each["symbol"]: each["kind"] for each in report.differences},
            booked=sum(count or 0 for count in (report.corrected, report.booked, report.voided)),
            error="" if report.error is None else f"{report.error_code}: {report.error}",
        )

    def _missed(self) -> frozenset[UUID]:
        return frozenset(
            row["id"] for row in self._world.sql("SELECT id FROM bot_trade WHERE status = 'missed'")
        )

    def advance(self, seconds: float) -> None:
        for table, columns in _TIMES.items():
            earlier = ", ".join(f"{name} = {name} - make_interval(secs => %(by)s)" for name in columns)
            self._world.sql(f"UPDATE {table} SET {earlier}", {"by": seconds})
        self._broker.age(seconds)
