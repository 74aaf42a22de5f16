"""An operator who settles a difference or a trade, and what the books say afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from bot.market_hours import trading_date
from bot.models import BotCommand, Trigger
from bot.states import CommandKind, CommandStatus
from tests.bot.fake_account import FakeAccount
from tests.bot.world import ACTOR, World

FakeWorld = World[FakeAccount]
WHY = "seen in the broker's dashboard"


def settle(world: World[Any], action: str, reason: str | None = WHY, **params: Any) -> BotCommand:
    params = {name: str(value) if isinstance(value, UUID) else value for name, value in params.items()}
    return world.do(CommandKind.SETTLE, params={"action": action, **params}, reason=reason)


def settled(world: World[Any], action: str, **params: Any) -> BotCommand:
    command = settle(world, action, **params)
    assert command.status is CommandStatus.APPLIED, command.error
    return command


def refused(world: World[Any], action: str, **params: Any) -> str:
    """The sentence with which it is refused as nothing to settle; not a row of the books differs."""
    before = books(world)
    command = settle(world, action, **params)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "nothing_to_settle"), (
        command.error
    )
    assert books(world) == before
    assert command.error is not None
    return command.error


def books(world: World[Any]) -> list[Any]:
    tables = ("bot_trade", "bot_trade_exit", "bot_trade_event", "bot_daily_stats", "bot_ignored_position")
    return [world.sql(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


def trade_of(world: World[Any], trade_id: UUID) -> dict[str, Any]:
    return world.trades()[trade_id]


def bought(
    world: World[Any], symbol: str = "AAPL", shares: Any = 10, price: Any = "10.25", **more: Any
) -> UUID:
    """An open paper trade whose fill is recorded."""
    row = {"mode": "paper", "entry_price": Decimal(str(price)), **more}
    return world.trade(symbol, shares, **row)


def stats(world: World[Any]) -> dict[tuple[Any, str], tuple[Decimal, int, int]]:
    rows = world.sql("SELECT * FROM bot_daily_stats ORDER BY date, mode")
    return {
        (row["date"], row["mode"]): (row["realized_pnl"], row["trade_count"], row["day_trade_count"])
        for row in rows
        if row["realized_pnl"] or row["trade_count"]
    }


def last_event(world: World[Any], trade_id: UUID) -> dict[str, Any]:
    return world.sql(
        "SELECT * FROM bot_trade_event WHERE trade_id = %s ORDER BY id DESC LIMIT 1", [trade_id]
    )[0]


def must_be_told(world: World[Any], trade_id: UUID, kind: str, command: BotCommand) -> dict[str, Any]:
    """The trade's last event, which names who settled what by which command, and why."""
    event = last_event(world, trade_id)
    assert (event["kind"], event["actor"], event["reason"], event["command_id"]) == (
        kind,
        ACTOR,
        WHY,
        command.id,
    )
    return event


def today(world: World[Any]) -> Any:
    return trading_date(world.database.now())


def agrees(world: World[Any], trigger: Trigger = Trigger.SETTLE) -> bool:
    report = world.reconcile(trigger)
    assert report.outcome == "ok", report.error
    return not report.differences


def minutes_ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)
