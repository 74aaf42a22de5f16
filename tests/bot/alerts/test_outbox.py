"""What is told is written with what it tells of, and never stands in its way."""

import logging
from contextlib import closing

import pytest

from bot.alerts.messages import sentence
from bot.models.command_stats import BOUNDS_SEC
from bot.queries import metrics
from bot.settings.settings import Settings
from bot.storage import database as database_module
from bot.storage.database import Database
from tests.bot.alerts.commands import Bot, alerts, report
from tests.support.tables import Tables


@pytest.fixture
def bot(database: Database, settings: Settings) -> Bot:
    return Bot(database, settings)


def test_a_kill_a_stop_and_the_ways_back_are_each_an_alert_with_its_facts(bot: Bot, tables: Tables) -> None:
    commands = [bot.do("start"), bot.do("stop", "lunch"), bot.do("kill", "smoke"), bot.do("rearm")]

    found = alerts(tables)
    assert [alert["kind"] for alert in found] == ["started", "stopped", "killed", "rearmed"]
    assert [alert["facts"]["commandId"] for alert in found] == [str(command.id) for command in commands]
    assert found[2]["facts"] == {
        "staysOpen": [],
        "commandId": str(commands[2].id),
        "actor": "alice",
        "source": "api",
        "reason": "smoke",
        "mode": "paper",
        "fromState": "stopped",
        "toState": "stopped",
        "revision": 3,
        "address": None,
        "approvedBy": None,
    }
    assert {alert["status"] for alert in found} == {"queued"}


def test_a_command_that_changes_nothing_is_no_alert(bot: Bot, tables: Tables) -> None:
    assert bot.do("stop").status == "rejected"
    bot.do("start")
    bot.do("update_config", maxConcurrentPositions=3, dailyLossLimitUsd=500)

    assert [alert["kind"] for alert in alerts(tables)] == ["started"]


def test_a_pause_a_resume_and_changed_thresholds_are_told_with_what_was_before_and_after(
    bot: Bot, tables: Tables
) -> None:
    bot.do("start")
    bot.do("pause", "news")
    bot.do("resume")
    changed = bot.do("update_config", dailyLossLimitUsd=5_000_000, maxConcurrentPositions=3)

    found = alerts(tables)
    assert [alert["kind"] for alert in found] == ["started", "paused", "resumed", "thresholds_changed"]
    assert found[3]["facts"]["changes"] == changed.changes == {"dailyLossLimitUsd": ["500", "5000000"]}
    told = sentence(found[3]["kind"], found[3]["facts"])
    assert "dailyLossLimitUsd 500 → 5000000" in told
    assert "by alice" in told


def test_an_alert_is_rolled_back_with_its_command(bot: Bot, tables: Tables) -> None:
    command = bot.do("start")
    connection = tables.connect()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bot_command (id, kind, actor, source) VALUES (gen_random_uuid(), 'kill', 'a', 'api') RETURNING id"
        )
        cursor.execute(
            "UPDATE bot_command SET status = 'applied', revision = 99, finished_at = now() WHERE status = 'queued'"
        )
        cursor.execute("SELECT count(*) FROM bot_alert WHERE kind = 'killed'")
        assert cursor.fetchone() == (1,)
    connection.rollback()
    connection.close()

    assert [alert["facts"]["commandId"] for alert in alerts(tables)] == [str(command.id)]


@pytest.mark.parametrize("table", ["bot_alert", "bot_command_uncounted"])
def test_a_kill_is_applied_though_its_alert_or_its_tally_cannot_be_stored(
    bot: Bot, tables: Tables, table: str
) -> None:
    bot.do("start")
    tables.sql(f"ALTER TABLE {table} RENAME TO gone")

    assert bot.do("kill", "now").status == "applied"

    assert tables.sql("SELECT state, enabled FROM bot_config") == [{"state": "stopped", "enabled": False}]


@pytest.mark.parametrize("table", ["bot_alert", "bot_command_uncounted"])
def test_a_kill_does_not_wait_for_who_holds_the_outbox_or_the_tally(
    settings: Settings, tables: Tables, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT_MS", 60_000)  # not this is what ends the wait
    with closing(Database.connect(settings)) as patient, closing(tables.connect()) as connection:
        bot = Bot(patient, settings)
        bot.do("start")
        connection.cursor().execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        assert bot.do("kill", "now").status == "applied"


def test_a_reconciliation_is_told_when_it_begins_to_fail_and_when_it_works_again(tables: Tables) -> None:
    report(tables, "ok")
    assert alerts(tables) == []

    for _ in range(3):
        report(tables, "failed", error="Alpaca did not answer in time.")
    report(tables, "ok", '[{"symbol": "AAPL", "kind": "quantity", "here": "1", "there": "2"}]')
    report(tables, "ok")
    report(tables, "ok")

    found = alerts(tables)
    kinds = [alert["kind"] for alert in found]
    assert kinds == ["reconciliation_failed", "reconciliation_differs", "reconciled"]
    assert found[0]["facts"]["error"] == "Alpaca did not answer in time."
    assert found[1]["facts"]["differences"][0]["symbol"] == "AAPL"


def test_a_reading_that_was_overtaken_is_no_alert_and_ends_none(tables: Tables) -> None:
    """It is read again at once. If it lasts, the gate closes, which is told."""
    for outcome, code in (
        ("ok", None),
        ("failed", "stale_evidence"),
        ("ok", None),
        ("failed", "broker_timeout"),
        ("failed", "stale_evidence"),
        ("failed", "broker_timeout"),
        ("ok", None),
    ):
        report(tables, outcome, code=code)
    assert [alert["kind"] for alert in alerts(tables)] == ["reconciliation_failed", "reconciled"]


def test_a_report_is_judged_as_it_is_at_the_commit(tables: Tables) -> None:
    """The report is inserted as failed and completed later in the same transaction."""
    connection = tables.connect()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bot_reconciliation (trigger, mode, started_at, outcome) VALUES ('retry', 'paper', now(), 'failed')"
        )
        cursor.execute("UPDATE bot_reconciliation SET outcome = 'ok'")
    connection.commit()
    connection.close()

    assert alerts(tables) == []


def test_the_tally_agrees_with_the_log(
    bot: Bot, tables: Tables, database: Database, settings: Settings
) -> None:
    for kind in ("start", "pause", "pause", "resume", "stop", "stop", "kill", "kill", "start", "rearm"):
        bot.do(kind)

    database.run(
        lambda session: metrics.measure(session, settings)
    )  # a scrape counts what was finished before
    counted = tables.sql("SELECT kind, status, count, seconds FROM bot_command_tally ORDER BY 1, 2")
    truth = tables.sql(
        "SELECT kind, status, count(*) AS count, sum(extract(epoch FROM finished_at - issued_at))::float8 AS seconds"
        " FROM bot_command GROUP BY 1, 2 ORDER BY 1, 2"
    )
    for mine, true in zip(counted, truth, strict=True):
        assert (mine["kind"], mine["status"], mine["count"]) == (true["kind"], true["status"], true["count"])
        assert mine["seconds"] == pytest.approx(true["seconds"], abs=1e-4)
    assert (
        tables.sql("SELECT 1 FROM bot_command_tally WHERE count <> (SELECT sum(n) FROM unnest(buckets) AS n)")
        == []
    )


def test_commands_are_sorted_by_the_bounds_that_the_metrics_name(
    tables: Tables, database: Database, settings: Settings
) -> None:
    bounds = [0.0, *BOUNDS_SEC]
    for number, bound in enumerate(bounds):
        tables.sql(
            "INSERT INTO bot_command (id, kind, actor, source, issued_at)"
            " VALUES (gen_random_uuid(), 'kill', 'a', 'api', '2026-01-01Z')"
        )
        tables.sql(
            "UPDATE bot_command SET status = 'applied', revision = %s,"
            " finished_at = issued_at + interval '1 millisecond' + %s * interval '1 second' WHERE status = 'queued'",
            [number + 1, bound],
        )

    database.run(lambda session: metrics.measure(session, settings))
    (row,) = tables.sql("SELECT * FROM bot_command_tally")
    assert row["buckets"] == [1] * len(bounds)


def test_each_finished_command_is_one_line_in_the_log_with_all_that_says_what_it_did(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="bot.commands.controller"):
        bot.do("start", "good morning")
        bot.do("start")

    first, second = caplog.records
    assert first.getMessage() == "start applied"
    assert (first.kind, first.actor, first.status) == ("start", "alice", "applied")  # type: ignore[attr-defined]
    assert (first.from_state, first.to_state, first.revision) == ("stopped", "running", 1)  # type: ignore[attr-defined]
    assert first.duration_ms >= 0  # type: ignore[attr-defined]
    assert (second.status, second.error_code) == ("rejected", "invalid_transition")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("broker_timeout", "an open one closes when no attempt has found agreement for three intervals"),
        ("account_blocked", "The gate is closed until that is over"),
    ],
)
def test_a_failed_reconciliation_says_what_it_means_for_the_gate(code: str, said: str) -> None:
    facts = {"mode": "paper", "error": "Why.", "errorCode": code}
    assert said in sentence("reconciliation_failed", facts)
