"""Conditions that last are noticed by somebody else, told once, and told to be over."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bot.alerts.conditions import ConditionMonitor
from bot.settings.settings import Settings
from bot.settings.types import MarketHours
from bot.status import heartbeat
from bot.storage.database import Database
from tests.bot.alerts.commands import Bot, alerts
from tests.support.tables import Tables


@pytest.fixture
def vigil(database: Database, settings: Settings) -> ConditionMonitor:
    return ConditionMonitor(database, settings)


def kinds(tables: Tables) -> list[str]:
    told = ("worker_gone", "worker_back", "gate_closed", "gate_opened")
    return [alert["kind"] for alert in alerts(tables) if alert["kind"] in told]


def last(tables: Tables) -> dict[str, Any]:
    facts: dict[str, Any] = alerts(tables)[-1]["facts"]
    return facts


def beat(database: Database) -> None:
    database.batched(lambda batch: heartbeat.beat(batch, "worker"))


def age(tables: Tables, seconds: int) -> None:
    """Let that much time go by."""
    tables.sql("UPDATE bot_worker SET last_seen_at = last_seen_at - %s * interval '1 second'", [seconds])
    tables.sql("UPDATE bot_condition SET since = since - %s * interval '1 second'", [seconds])


def test_a_worker_that_is_gone_is_told_after_half_a_minute_once_and_so_is_its_return(
    vigil: ConditionMonitor, database: Database, tables: Tables
) -> None:
    beat(database)
    vigil.check()
    age(tables, 9)
    vigil.check()
    assert kinds(tables) == []

    age(tables, 22)
    vigil.check()
    vigil.check()
    assert kinds(tables) == ["worker_gone"]
    assert last(tables)["forSec"] >= 30
    assert last(tables)["lastSeenAt"]

    beat(database)
    vigil.check()
    vigil.check()
    assert kinds(tables) == ["worker_gone", "worker_back"]


def test_a_restart_of_the_worker_is_no_alert(
    vigil: ConditionMonitor, database: Database, tables: Tables
) -> None:
    beat(database)
    database.run(lambda session: heartbeat.leave(session, "worker"))
    vigil.check()
    age(tables, 20)
    vigil.check()
    beat(database)
    vigil.check()
    assert kinds(tables) == []
    assert tables.sql("SELECT * FROM bot_condition") == []


def test_after_an_outage_of_everything_the_worker_gets_its_time_to_come_back(
    vigil: ConditionMonitor, database: Database, tables: Tables
) -> None:
    beat(database)
    age(tables, 3600)
    vigil.check()
    assert kinds(tables) == []
    age(tables, 23)
    vigil.check()
    assert kinds(tables) == ["worker_gone"]


def test_many_who_look_at_once_tell_it_once(database: Database, settings: Settings, tables: Tables) -> None:
    beat(database)
    age(tables, 9)
    ConditionMonitor(database, settings).check()
    age(tables, 30)
    for expected in (["worker_gone"], ["worker_gone", "worker_back"]):
        with ThreadPoolExecutor(4) as pool:
            looks = [pool.submit(ConditionMonitor(database, settings).check) for _ in range(40)]
            for check in looks:
                check.result()
        ConditionMonitor(database, settings).check()
        assert kinds(tables) == expected
        beat(database)


def open_gate(database: Database, settings: Settings, tables: Tables) -> None:
    Bot(database, settings).do("start")
    beat(database)
    tables.sql("UPDATE bot_config SET reconciled_at = now()")


def test_a_gate_that_is_closed_for_minutes_while_the_bot_runs_is_told_and_so_is_its_opening(
    vigil: ConditionMonitor, database: Database, settings: Settings, tables: Tables
) -> None:
    open_gate(database, settings, tables)
    vigil.check()
    assert tables.sql("SELECT * FROM bot_condition") == []

    tables.sql("UPDATE bot_config SET reconciled_at = NULL")
    vigil.check()
    age(tables, 5 * 60 - 5)
    beat(database)
    vigil.check()
    assert kinds(tables) == []
    age(tables, 6)
    beat(database)
    vigil.check()
    assert kinds(tables) == ["gate_closed"]
    assert last(tables)["reasons"] == ["not_reconciled"]

    tables.sql("UPDATE bot_config SET reconciled_at = now()")
    vigil.check()
    assert kinds(tables) == ["gate_closed", "gate_opened"]
    assert last(tables)["mayOpen"] is True


def test_who_stops_the_bot_ends_the_condition_though_the_gate_is_closed(
    vigil: ConditionMonitor, database: Database, settings: Settings, tables: Tables
) -> None:
    open_gate(database, settings, tables)
    tables.sql("UPDATE bot_config SET reconciled_at = NULL")
    vigil.check()
    age(tables, 301)
    beat(database)
    vigil.check()
    Bot(database, settings).do("stop")
    vigil.check()
    assert kinds(tables) == ["gate_closed", "gate_opened"]
    assert last(tables)["mayOpen"] is False


@pytest.mark.parametrize(
    "expected",
    [
        "UPDATE bot_config SET max_concurrent_positions = 0",
        "UPDATE bot_config SET state = 'paused'",
        "UPDATE bot_config SET state = 'stopped'",
    ],
)
def test_a_gate_that_is_closed_as_it_should_be_is_no_alert(
    vigil: ConditionMonitor, database: Database, settings: Settings, tables: Tables, expected: str
) -> None:
    open_gate(database, settings, tables)
    tables.sql(expected)
    vigil.check()
    assert tables.sql("SELECT * FROM bot_condition") == []


def test_a_closed_market_is_no_alert(
    database: Database, settings: Settings, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_gate(database, settings, tables)
    tables.sql("UPDATE bot_config SET reconciled_at = NULL")
    monkeypatch.setattr("bot.market_hours.is_open", lambda *_: False)
    nyse = settings.model_copy(update={"market_hours": MarketHours.NYSE})
    ConditionMonitor(database, nyse).check()
    assert tables.sql("SELECT * FROM bot_condition") == []
    monkeypatch.setattr("bot.market_hours.is_open", lambda *_: True)
    ConditionMonitor(database, nyse).check()
    assert [row["name"] for row in tables.sql("SELECT * FROM bot_condition")] == ["gate_closed"]


def test_clocks_that_disagree_are_told_once_however_seldom_the_broker_is_read(
    database: Database, settings: Settings, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[str]:
        return [alert["kind"] for alert in alerts(tables) if alert["kind"].startswith("clocks_")]

    def passes(seconds: int) -> None:
        age(tables, seconds)
        tables.sql("UPDATE bot_broker_reading SET read_at = read_at - %s * interval '1 second'", [seconds])
        nyse.check()

    monkeypatch.setattr("bot.market_hours.is_open", lambda *_: True)
    nyse = ConditionMonitor(database, settings.model_copy(update={"market_hours": MarketHours.NYSE}))
    tables.sql(
        "INSERT INTO bot_broker_reading (mode, read_at, account, market_open, next_open)"
        " VALUES ('paper', clock_timestamp(), '{}', false, clock_timestamp() + interval '1 day')"
    )
    nyse.check()
    passes(31)
    assert told() == ["clocks_disagree"]
    passes(260)  # while the bot is stopped the broker is read every five minutes
    assert told() == ["clocks_disagree"]
    passes(3_600)
    assert told() == ["clocks_disagree"], "that nobody knows is no agreement"
    tables.sql("UPDATE bot_broker_reading SET read_at = clock_timestamp(), market_open = true")
    nyse.check()
    assert told() == ["clocks_disagree", "clocks_agree"]
