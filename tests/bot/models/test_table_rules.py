"""The tables as the migrations make them: what a fresh bot is, and the rules that Postgres itself holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors
from sqlalchemy import select

from bot.commands.controller import Controller
from bot.models import SINGLETON, BotCommand, BotConfig
from bot.states import CommandKind
from bot.status import snapshot
from bot.storage.database import Database
from tests.bot.world import World, settings_for

pytestmark = pytest.mark.slow


def test_a_fresh_bot_is_stopped_disabled_on_paper_with_the_default_thresholds(world: World) -> None:
    (row,) = world.sql("SELECT * FROM bot_config")
    row.pop("updated_at")
    # The first release's defaults. A later release may add columns, but these stay.
    assert (
        row
        | {
            "id": "singleton",
            "enabled": False,
            "state": "stopped",
            "mode": "paper",
            "killed_at": None,
            "kill_reason": None,
            "revision": 0,
            "reconciled_at": None,
            "paper_account_id": None,
            "live_account_id": None,
            "position_size_usd": 500,
            "confidence_multiplier_high": Decimal("2.0"),
            "confidence_multiplier_med": Decimal("1.0"),
            "confidence_multiplier_low": Decimal("0.5"),
            "max_concurrent_positions": 3,
            "daily_loss_limit_usd": 500,
            "min_win_rate": Decimal("0.5"),
            "hard_stop_loss_pct": Decimal("7.0"),
            "max_hold_duration_sec": 300,
            "enabled_catalyst_tiers": "1,2,3,4",
            "max_float_shares": 20_000_000,
            "max_share_price": 20,
            "min_relative_volume": 5,
        }
        == row
    )
    assert world.config.enabled_catalyst_tiers == [1, 2, 3, 4], "stored as text, read as a list"


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO bot_config (id) VALUES ('another')", errors.CheckViolation),
        ("INSERT INTO bot_config (id) VALUES ('singleton')", errors.UniqueViolation),
        ("UPDATE bot_config SET id = 'another'", errors.CheckViolation),
        ("UPDATE bot_config SET killed_at = now(), state = 'running'", errors.CheckViolation),
        ("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('A', 0, 1)", errors.CheckViolation),
        ("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('A', 1, 0)", errors.CheckViolation),
        (
            "INSERT INTO bot_trade (symbol, entry_price, shares, catalyst_tier) VALUES ('A', 1, 1, 5)",
            errors.CheckViolation,
        ),
        (
            "INSERT INTO bot_daily_stats (date, mode) VALUES ('2026-11-20', 'live'), ('2026-11-20', 'live')",
            errors.UniqueViolation,
        ),
    ],
)
def test_the_database_refuses_the_impossible(
    world: World, statement: str, error: type[psycopg2.Error]
) -> None:
    with pytest.raises(error):
        world.sql(statement)


def finished(world: World, status: str) -> BotCommand:
    """A command that ended this way."""
    match status:
        case "applied":
            return world.do(CommandKind.UPDATE_CONFIG, params={"maxConcurrentPositions": 2})
        case "rejected":
            return world.do(CommandKind.PAUSE)
        case "superseded":
            command = world.submit(CommandKind.START)
            world.do(CommandKind.STOP)
        case _:
            command_id = world.insert_command("start", {}, expires_at=world.database.now())
            world.controller.apply()
            return world.command(command_id)
    return world.command(command.id)


@pytest.mark.parametrize("status", ["applied", "rejected", "superseded", "expired"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bot_command SET status = 'queued', revision = NULL, finished_at = NULL WHERE id = %s",
        "UPDATE bot_command SET error = 'nothing happened' WHERE id = %s",
        "UPDATE bot_command SET reason = reason WHERE id = %s",
        "DELETE FROM bot_command WHERE id = %s",
    ],
)
def test_a_finished_command_never_changes_and_never_goes(world: World, status: str, statement: str) -> None:
    command = finished(world, status)
    assert command.status == status
    before = world.log()
    with pytest.raises(errors.RestrictViolation):
        world.sql(statement, [command.id])
    assert world.log() == before


def test_a_pending_command_cannot_be_deleted_or_asked_for_something_else(world: World) -> None:
    command = world.submit(CommandKind.START)
    changes = ("kind = 'kill'", "params = '{\"a\": 1}'", "actor = 'eve'", "source = 'panel'", "seq = DEFAULT")
    for change in changes:
        with pytest.raises((errors.RestrictViolation, errors.GeneratedAlways)):
            world.sql(f"UPDATE bot_command SET {change} WHERE id = %s", [command.id])
    with pytest.raises(errors.RestrictViolation):
        world.sql("DELETE FROM bot_command WHERE id = %s", [command.id])
    assert world.command(command.id).pending


@pytest.mark.parametrize("how", ["", "CASCADE"])
def test_the_log_cannot_be_emptied(world: World, how: str) -> None:
    world.submit(CommandKind.KILL)
    with pytest.raises((errors.RestrictViolation, errors.FeatureNotSupported)):
        world.sql(f"TRUNCATE bot_command {how}")
    assert len(world.log()) == 1


def test_no_revision_is_given_twice(world: World) -> None:
    world.do(CommandKind.KILL)
    with pytest.raises(errors.UniqueViolation):
        world.insert_command("kill", {}, status="applied", revision=1, finished_at=world.database.now())


def test_an_idempotency_key_is_its_actors_own(world: World) -> None:
    world.insert_command("kill", {}, actor="ann", idempotency_key="k")
    world.insert_command("kill", {}, actor="bob", idempotency_key="k")
    world.insert_command("kill", {}, actor="ann")
    with pytest.raises(errors.UniqueViolation):
        world.insert_command("kill", {}, actor="ann", idempotency_key="k")


def test_readers_make_the_row_if_it_is_not_there(world: World) -> None:
    for read in (snapshot.snapshot, snapshot.config):
        world.sql("DELETE FROM bot_config")
        world.database.batched(read)
        assert world.sql("SELECT state FROM bot_config") == [{"state": "stopped"}]


@pytest.mark.parametrize("applied_before", [0, 1])
def test_twenty_makers_of_the_row_at_once_make_one(world: World, applied_before: int) -> None:
    for _ in range(applied_before):
        world.do(CommandKind.START)
    world.sql("DELETE FROM bot_config")
    database = Database.connect(settings_for(world.database_url), pool_size=20)
    controller = Controller(database, world.settings)
    with ThreadPoolExecutor(20) as threads:
        kills = [
            threads.submit(controller.kill, world.want(CommandKind.KILL, reason=str(n))) for n in range(20)
        ]
        revisions = sorted(kill.result().revision or 0 for kill in kills)
    database.close()
    made_by = 2 * applied_before  # the command before, and the system's that made the row again
    assert revisions == list(range(made_by + 1, made_by + 21))
    assert [row["id"] for row in world.sql("SELECT id FROM bot_config")] == [SINGLETON]


@pytest.mark.parametrize("insert", ["INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('A', 1, 1)"])
def test_a_trade_waits_for_whoever_holds_the_bots_row(world: World, insert: str) -> None:
    with world.lock_held() as holder:
        with pytest.raises(errors.LockNotAvailable):
            world.sql(f"SET LOCAL lock_timeout = '100ms'; {insert}")
        holder.rollback()
    world.sql(insert)


def test_touching_a_trade_shows_whoever_touches_it(world: World) -> None:
    trade = world.trade(updated_at=world.database.now().replace(year=2000))
    first = world.trades()[trade]["updated_at"]
    assert first.year > 2000
    world.sql("UPDATE bot_trade SET note = 'x', updated_at = '2000-01-01' WHERE id = %s", [trade])
    assert world.trades()[trade]["updated_at"] > first


def test_values_of_a_newer_release_can_be_read(world: World, make_world: Callable[..., World]) -> None:
    world.insert_command("hibernate", {"deep": True}, source="telepathy")
    (command,) = world.controller.pending()
    kind: Any = command.kind
    assert kind == "hibernate"
    assert world.database.read(lambda session: session.scalars(select(BotConfig.id)).all()) == [SINGLETON]
