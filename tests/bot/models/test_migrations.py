"""The tables as the migrations make them, and the rules that Postgres itself holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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
from tests.bot.world import World, connect, settings_for
from tests.support.migrations import migrate

pytestmark = pytest.mark.slow


def names(url: str) -> dict[str, set[str]]:
    """What is in the database, by kind."""
    queries = {
        "tables": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "types": "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'",
    }
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        found = {}
        for kind, query in queries.items():
            cursor.execute(query)
            found[kind] = {next(iter(row.values())) for row in cursor.fetchall()}
    return found


def test_no_drift_and_down_leaves_nothing_and_up_again_brings_all_back(database_url: str) -> None:
    there = names(database_url)
    assert {"bot_config", "bot_trade", "bot_daily_stats", "bot_command", "bot_worker"} < there["tables"]
    assert there["types"] == set(), "values that grow are text, not database enums"
    migrate(database_url, "check")
    migrate(database_url, "downgrade", "base")
    assert names(database_url) == {"tables": {"alembic_version"}, "functions": set(), "types": set()}
    migrate(database_url)
    assert names(database_url) == there


def test_drift_would_be_found(database_url: str) -> None:
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE bot_config ALTER COLUMN max_share_price SET DEFAULT 21")
    with pytest.raises(SystemExit):
        migrate(database_url, "check")


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


OLD_ROWS = """
INSERT INTO bot_trade (id, symbol, mode, shares, entry_price, exit_price, pnl, status, exit_reason, filled, entry_at, exit_at,
    alpaca_exit_order_id) VALUES
-- Monday: paper +30 in two day trades, live -7 in one that began on the day before
('00000000-0000-4000-8000-000000000001', 'A', 'paper', 10, 10, 12, 20, 'closed', 'time_exit', true,
    '2026-11-16 15:00Z', '2026-11-16 16:00Z', 'one'),
('00000000-0000-4000-8000-000000000002', 'B', NULL, -10, 10, 9, 10, 'closed', 'time_exit', true,
    '2026-11-16 15:00Z', '2026-11-16 16:00Z', NULL),
('00000000-0000-4000-8000-000000000003', 'C', 'live', 7, 10, 9, -7, 'closed', 'hard_stop', true,
    '2026-11-15 15:00Z', '2026-11-17 04:59Z', NULL),
-- Tuesday: live alone
('00000000-0000-4000-8000-000000000004', 'D', 'live', 1, 10, 15, 5, 'closed', 'hard_stop', true,
    '2026-11-17 15:00Z', '2026-11-17 16:00Z', NULL),
('00000000-0000-4000-8000-000000000005', 'E', 'paper', 1, 10, NULL, NULL, 'missed', 'reconciled_missing', true,
    '2026-11-17 15:00Z', NULL, NULL),
('00000000-0000-4000-8000-000000000006', 'F', 'paper', 1, 10, NULL, NULL, 'open', NULL, true,
    '2026-11-17 15:00Z', NULL, NULL);
INSERT INTO bot_daily_stats (date, realized_pnl, trade_count, day_trade_count) VALUES
('2026-11-16', 23, 3, 2), ('2026-11-17', 5, 1, 1), ('2026-11-18', -4, 2, 1);
INSERT INTO bot_reconciliation (trigger, mode, started_at, finished_at, outcome, open_trades, matched) VALUES
('manual', 'paper', now(), now(), 'failed', 0, 0), ('manual', 'paper', now(), now(), 'ok', 3, 3);
UPDATE bot_config SET reconciled_at = '2026-11-17 15:00Z';
"""
_STATS = "SELECT date::text, {}realized_pnl::int AS pnl, trade_count, day_trade_count FROM bot_daily_stats ORDER BY 1, 2"


def test_rows_of_before_the_books_followed_the_broker_stay_right_up_and_down(world: World) -> None:
    def stats(*columns: str) -> list[tuple[Any, ...]]:
        return [
            tuple(row.values()) for row in world.sql(_STATS.format("".join(f"{name}, " for name in columns)))
        ]

    migrate(world.database_url, "downgrade", "0005")
    world.sql(OLD_ROWS)
    before = stats()
    trades = world.sql("SELECT * FROM bot_trade ORDER BY id")
    migrate(world.database_url)
    assert stats("mode") == [
        ("2026-11-16", "live", -7, 1, 0),
        ("2026-11-16", "paper", 30, 2, 2),
        ("2026-11-17", "live", 5, 1, 1),
        ("2026-11-18", "paper", -4, 2, 1),
    ]
    exits = world.sql(
        "SELECT right(trade_id::text, 1) AS trade, shares::int, price::int, pnl::int, order_id, source"
        " FROM bot_trade_exit ORDER BY trade_id"
    )
    assert [tuple(row.values()) for row in exits] == [
        ("1", 10, 12, 20, "one", "ledger"),
        ("2", -10, 9, 10, None, "ledger"),
        ("3", 7, 9, -7, None, "ledger"),
        ("4", 1, 15, 5, None, "ledger"),
    ]
    assert world.sql("SELECT id FROM bot_trade WHERE exited_shares <> shares AND status = 'closed'") == []
    assert [
        row["symbol"] for row in world.sql("SELECT symbol FROM bot_trade WHERE exited_shares = 0 ORDER BY 1")
    ] == [
        "E",
        "F",
    ]
    [unsettled] = world.sql(
        "SELECT count(*) AS number FROM bot_trade WHERE status = 'missed' AND acknowledged_at IS NULL"
    )
    assert unsettled["number"] == 0, "what was missed before is not asked about again"
    assert [
        tuple(row.values())
        for row in world.sql("SELECT outcome, open_trades, matched FROM bot_reconciliation ORDER BY id")
    ] == [("failed", None, None), ("ok", 3, 3)]
    migrate(world.database_url, "downgrade", "0005")
    assert stats() == before
    after = world.sql("SELECT * FROM bot_trade ORDER BY id")
    for row in (*trades, *after):
        row.pop("updated_at")
    assert after == trades
