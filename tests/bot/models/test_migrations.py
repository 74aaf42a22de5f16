"""The migrations: up and down again, without drift, and with the rows of before."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from tests.bot.world import World, connect
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
