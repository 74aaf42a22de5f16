"""What the account was worth at each reading is stored, minute by minute, and thinned out later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.reconciliation import equity
from bot.reconciliation.evidence import Reading
from tests.bot.world import World

AT = datetime(2026, 11, 20, 15, 30, 12, tzinfo=UTC)


def keep(world: World, reading: Reading) -> None:
    world.database.run(lambda session: equity.keep(session, reading))


def test_a_reconciliation_stores_the_equity_of_the_minute_and_a_failed_one_nothing(world: World) -> None:
    world.paper.holds(AAPL=10)
    world.reconcile()
    (row,) = world.sql("SELECT * FROM bot_equity")
    (last,) = world.sql("SELECT * FROM bot_broker_reading")
    assert (row["mode"], row["at"]) == ("paper", last["read_at"].replace(second=0, microsecond=0))
    assert (row["equity"], row["open_pnl"]) == (Decimal(last["account"]["equity"]), last["open_pnl"])
    world.paper.fails({"kind": "500"})
    world.reconcile()
    assert world.sql("SELECT * FROM bot_equity") == [row]


def test_of_one_minute_the_last_reading_counts(world: World) -> None:
    reading = world.gather()
    assert isinstance(reading, Reading)
    for second, worth in ((12, 100), (58, 101), (62, 102)):
        account = replace(reading.account, equity=Decimal(worth))
        at = AT.replace(second=0) + timedelta(seconds=second)
        keep(world, replace(reading, account=account, read_at=at))
    rows = world.sql("SELECT at, equity FROM bot_equity ORDER BY at")
    minute = AT.replace(second=0)
    assert [(row["at"], row["equity"]) for row in rows] == [
        (minute, 101),
        (minute + timedelta(minutes=1), 102),
    ]


def test_after_a_week_the_last_of_each_half_hour_stays_of_each_mode(world: World) -> None:
    world.sql(
        "INSERT INTO bot_equity (mode, at, equity) SELECT mode, at + n * interval '10 minutes', n"
        " FROM (VALUES ('paper'), ('live')) AS modes (mode), generate_series(0, 5) AS n,"
        " (SELECT date_bin('30 minutes', now() - age, to_timestamp(0)) AS at"
        "  FROM (VALUES (interval '8 days'), (interval '6 days')) AS ages (age)) AS begins"
        # nothing was read in paper mode when the last of live mode was
        " WHERE mode = 'live' OR n < 5"
    )
    assert world.database.run(equity.thin_out) == 4 + 3
    assert world.database.run(equity.thin_out) == 0
    for mode, expected in (("live", [2, 5, 0, 1, 2, 3, 4, 5]), ("paper", [2, 4, 0, 1, 2, 3, 4])):
        left = world.sql("SELECT equity FROM bot_equity WHERE mode = %s ORDER BY at", [mode])
        assert [int(row["equity"]) for row in left] == expected


def test_a_month_that_nobody_has_thinned_out_is_done_at_once(world: World) -> None:
    world.sql(
        "INSERT INTO bot_equity (mode, at, equity) SELECT 'paper', at + n * interval '1 minute', n"
        " FROM generate_series(0, 28 * 1440 - 1) AS n,"
        " (SELECT date_bin('30 minutes', now() - interval '36 days', to_timestamp(0)) AS at) AS begins"
    )
    assert world.database.run(equity.thin_out) == 28 * 1440 * 29 / 30
