"""Of reports that say the same, which may go: nothing that says or did something, and nothing that was asked for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg2.extras import Json

from bot.reconciliation import retention
from bot.states import CommandKind
from tests.bot.world import World

#: A report of yesterday's tenth hour, in the given minute of it.
REPORT: dict[str, Any] = {
    "trigger": "periodic",
    "mode": "paper",
    "outcome": "ok",
    "open_trades": 2,
    "broker_positions": 2,
    "suspect": 0,
    "account_id": "an account",
    "differences": Json([]),
}


@pytest.fixture
def hour(world: World) -> Any:
    """Writes a report at a minute of an hour that is long over; its id."""
    [row] = world.sql("SELECT date_trunc('hour', clock_timestamp()) - interval '1 day' AS at")

    def write(minute: float, **columns: Any) -> int:
        given = {**REPORT, **columns}
        names, values = ", ".join(given), ", ".join(f"%({name})s" for name in given)
        [made] = world.sql(
            f"INSERT INTO bot_reconciliation (started_at, finished_at, {names})"
            f" SELECT at, at, {values} FROM (SELECT %(hour)s + %(minute)s * interval '1 minute' AS at) AS t RETURNING id",
            {**given, "hour": row["at"], "minute": minute},
        )
        return int(made["id"])

    return write


def left(world: World) -> list[int]:
    world.database.run(retention.thin_out)
    return [row["id"] for row in world.sql("SELECT id FROM bot_reconciliation ORDER BY id")]


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "live"},
        {"outcome": "failed"},
        {"error_code": "broker_timeout"},
        {"account_id": "another"},
        {"account_id": None},
        {"differences": Json([{"symbol": "AAPL"}])},
        {"open_trades": 3},
        {"broker_positions": 3},
        {"suspect": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_one_that_says_something_else_stays_and_so_does_the_return_to_what_was(
    world: World, hour: Any, change: dict[str, Any]
) -> None:
    first, _, other, _, back, _ = (
        hour(number, **(change if number in (2, 3) else {})) for number in range(6)
    )
    assert left(world) == [first, other, back]


@pytest.mark.parametrize("count", ["missed", "booked", "corrected", "voided"])
def test_one_that_changed_a_trade_stays(world: World, hour: Any, count: str) -> None:
    first, changed, _, unknown = (
        hour(number, **{count: value}) for number, value in enumerate((0, 1, 0, None))
    )
    assert left(world) == [first, changed]
    assert unknown


@pytest.mark.parametrize("trigger", ["startup", "manual", "mode_switch", "retry", "settle"])
def test_one_that_something_set_off_stays(world: World, hour: Any, trigger: str) -> None:
    ids = [hour(number, trigger=trigger) for number in range(3)]
    assert left(world) == ids


def test_one_that_a_command_asked_for_stays(world: World, hour: Any) -> None:
    command: UUID = world.submit(CommandKind.RECONCILE).id
    first, asked, _ = hour(0), hour(1, command_id=command), hour(2)
    assert left(world) == [first, asked]


def test_the_first_of_an_hour_stays_whatever_the_one_before_said(world: World, hour: Any) -> None:
    first, _, next_hour, _ = (hour(minute) for minute in (0, 59.9, 60, 61))
    assert left(world) == [first, next_hour]


@pytest.mark.parametrize(("minutes", "is_old"), [(50, False), (70, True)])
def test_those_of_the_last_hour_stay(world: World, hour: Any, minutes: int, is_old: bool) -> None:
    ids = [hour(number) for number in range(3)]
    world.sql(
        "UPDATE bot_reconciliation SET finished_at = clock_timestamp() - make_interval(mins => %s)", [minutes]
    )
    world.sql("UPDATE bot_reconciliation SET finished_at = (SELECT max(finished_at) FROM bot_reconciliation)")
    assert left(world) == (ids[:1] if is_old else ids)


def test_only_the_latest_are_looked_at(world: World, hour: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "LOOKED_AT", 3)
    ids = [hour(number) for number in range(6)]
    # of the last three the first has none before it that is looked at
    assert left(world) == ids[:4]
