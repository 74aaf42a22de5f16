"""Reconciliation, rule by rule, with an Alpaca that answers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.models import Outcome, Trigger
from bot.reconciliation.evidence import Reading
from bot.reconciliation.judgement import SECOND_READING_AFTER
from bot.states import Mode
from tests.bot.reconciliation.reports import difference, filled_long_ago, waits_sec
from tests.bot.world import World

# -- what matches and what is missing ---------------------------------------------------------------------------


def test_trades_that_the_broker_confirms_open_the_gate(world: World) -> None:
    world.trade("AAPL", 10)
    world.trade("BRK.B", "0.123456789")
    world.trade("TSLA", -7)
    world.paper.holds_all({"AAPL": 10, "BRK.B": "0.123456789", "TSLA": -7})
    assert not world.reconciled()
    report = world.reconcile()
    assert (report.outcome, report.open_trades, report.broker_positions) == (Outcome.OK, 3, 3)
    assert (report.matched, report.missed, report.in_flight, report.differences) == (3, 0, 0, [])
    assert (report.mode, report.trigger, report.error, report.error_code) == (
        Mode.PAPER,
        "startup",
        None,
        None,
    )
    assert report.started_at < report.finished_at
    assert world.reconciled()
    assert None not in {trade["asset_id"] for trade in world.trades().values()}, "trades learn their assets"
    before = world.trades()
    assert world.reconcile().matched == 3
    assert world.trades() == before, "and are not written again"
    config = world.config
    assert (config.reconcile_trigger, config.reconcile_failures) == (Trigger.PERIODIC, 0)
    assert waits_sec(world) == 300, "the bot is stopped"
    assert config.reconciled_at is not None
    assert config.agreed_at == config.reconciled_at > report.finished_at


def test_nothing_on_either_side_agrees(world: World) -> None:
    report = world.reconcile()
    assert (report.outcome, report.open_trades, report.broker_positions, report.matched) == (
        Outcome.OK,
        0,
        0,
        0,
    )
    assert world.reconciled()
    assert world.paper.calls() == ["/v2/account", "/v2/clock", "/v2/positions"]
    assert report.requests == 3


@pytest.mark.parametrize("shares", [10, -10, "0.5"])
def test_a_trade_that_is_gone_is_suspect_first_and_then_missed_with_all_its_data_kept(
    world: World, shares: Any
) -> None:
    side = "sell" if str(shares).startswith("-") else "buy"
    order = filled_long_ago(world, "TSLA", abs(Decimal(shares)), side=side)
    gone = world.trade(
        "TSLA",
        shares,
        alpaca_order_id=order,
        catalyst_type="fda",
        catalyst_tier=2,
        note="Bought by hand.",
    )
    kept = world.trade("AAPL", 10)
    world.paper.holds(AAPL=10)
    world.reconcile()
    before = world.trades()
    report = world.reconcile()
    assert (report.outcome, report.matched, report.missed, report.suspect) == (Outcome.OK, 1, 0, 1)
    assert report.differences == [
        {**difference("TSLA", "suspect", shares, 0), "tradeIds": [str(gone)]},
    ]
    assert world.trades() == before, "nothing is touched"
    assert not world.reconciled()
    assert waits_sec(world) == 10
    world.age_suspects()
    report = world.reconcile()
    assert (report.outcome, report.matched, report.missed, report.differences) == (Outcome.OK, 1, 1, [])
    assert world.reconciled(), "a trade that was written off is no difference"
    after = world.trades()
    assert after[kept] == before[kept]
    changed = {name for name, value in after[gone].items() if value != before[gone][name]}
    assert changed == {"status", "exit_reason", "note", "updated_at"}
    assert (after[gone]["status"], after[gone]["exit_reason"]) == ("missed", "reconciled_missing")
    first, second = after[gone]["note"].split("\n")
    assert first == "Bought by hand."
    assert re.fullmatch(
        r"No position at Alpaca \(paper\) in two readings, the last one from [0-9-]{10} [0-9:]{8} UTC on, and neither"
        r" its orders nor its fills explain it\.",
        second,
    )
    (event,) = world.events(gone)
    assert (event["kind"], event["actor"]) == ("missed", "reconciliation")
    assert (event["before"]["status"], event["after"]["status"]) == ("open", "missed")
    (alert,) = world.sql("SELECT facts FROM bot_alert WHERE kind = 'trades_missed'")
    assert (alert["facts"]["count"], alert["facts"]["symbols"]) == (1, ["TSLA"])
    assert world.suspects() == []


@pytest.mark.parametrize(("seconds", "status"), [(0, "open"), (5, "open"), (11, "missed")])
def test_the_second_reading_counts_when_it_is_ten_seconds_later(
    world: World, seconds: int, status: str
) -> None:
    assert timedelta(seconds=10) == SECOND_READING_AFTER
    trade = world.trade()
    world.reconcile()
    world.age_suspects(seconds)
    world.reconcile()
    assert world.status_of(trade) == status
    assert world.suspects() == ([trade] if status == "open" else [])


def test_a_trade_that_a_reading_in_between_explains_is_suspect_anew(world: World) -> None:
    trade = world.trade()
    world.reconcile()
    world.paper.holds(AAPL=10)
    world.reconcile()
    assert world.suspects() == []
    world.paper.holds()
    world.reconcile()
    assert world.suspects() == [trade]
    assert world.reconcile().missed == 0


@pytest.mark.parametrize(("age_sec", "status"), [(50, "open"), (62, "missed")])
def test_a_trade_is_missed_only_when_its_entry_is_a_minute_old(
    world: World, age_sec: int, status: str
) -> None:
    trade = world.trade(created_at=world.ago(age_sec))
    world.sql("INSERT INTO bot_suspect (trade_id, since) VALUES (%s, now() - interval '11 s')", [trade])
    report = world.reconcile()
    assert world.status_of(trade) == status
    assert world.reconciled(), "a position can lag its fill"
    assert (report.in_flight, report.missed) == ((1, 0) if status == "open" else (0, 1))


def test_a_trade_without_a_note_gets_one_and_a_marked_exit_is_remembered(world: World) -> None:
    plain, marked = world.trade("AAA"), world.trade("BBB", exit_reason="trailing_stop", note="Mine.")
    world.reconcile_twice()
    trades = world.trades()
    assert trades[plain]["note"].startswith("No position at Alpaca")
    assert trades[marked]["exit_reason"] == "reconciled_missing"
    assert trades[marked]["note"].split("\n")[:2] == ["Mine.", "Marked before: trailing_stop"]


@pytest.mark.parametrize(
    ("closed_by", "first", "second", "reason"),
    [
        (Trigger.STARTUP, Trigger.STARTUP, Trigger.RETRY, "reconciled_missing_on_startup"),
        (Trigger.STARTUP, Trigger.MANUAL, Trigger.RETRY, "reconciled_missing_on_startup"),
        (Trigger.STARTUP, Trigger.STARTUP, Trigger.STARTUP, "reconciled_missing_on_startup"),
        (Trigger.STARTUP, Trigger.STARTUP, Trigger.MANUAL, "reconciled_missing"),
        (Trigger.MODE_SWITCH, Trigger.MODE_SWITCH, Trigger.RETRY, "reconciled_missing"),
        (None, Trigger.PERIODIC, Trigger.RETRY, "reconciled_missing"),
        (None, Trigger.MANUAL, Trigger.MANUAL, "reconciled_missing"),
    ],
)
def test_the_exit_reason_says_who_found_it(
    world: World, closed_by: Trigger | None, first: Trigger, second: Trigger, reason: str
) -> None:
    trade = world.trade()
    if closed_by is Trigger.STARTUP:
        world.controller.restore("worker-1")
    elif closed_by is not None:
        world.set_config(gate_closed_by=str(closed_by))
    world.reconcile(first)
    world.age_suspects()
    report = world.reconcile(second)
    assert (report.trigger, report.missed) == (second, 1)
    assert world.trades()[trade]["exit_reason"] == reason


def test_what_the_day_brings_after_a_start_that_agreed_is_not_of_the_start(world: World) -> None:
    world.controller.restore("worker-1")
    world.reconcile()
    assert world.config.gate_closed_by is None
    trade = world.trade()
    world.reconcile_twice(Trigger.PERIODIC)
    assert world.trades()[trade]["exit_reason"] == "reconciled_missing"


def test_a_reconciliation_by_hand_is_a_command_with_a_report(world: World) -> None:
    trade = world.trade()
    world.reconcile_by_hand()
    world.age_suspects()
    report = world.reconcile_by_hand()
    command = world.log()[-1]
    assert (command["kind"], command["status"], command["revision"]) == ("reconcile", "applied", 2)
    assert (report.command_id, report.trigger) == (command["id"], "manual")
    assert world.trades()[trade]["exit_reason"] == "reconciled_missing"
    assert world.events(trade)[0]["command_id"] == command["id"]
    assert world.reconciled()


@pytest.mark.parametrize("status", ["closed", "missed", "void"])
def test_trades_that_are_not_open_are_left_alone(world: World, status: str) -> None:
    world.trade(status=status)
    before = world.trades()
    assert world.reconcile().open_trades == 0
    assert world.trades() == before


# -- evidence that does not count -------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_sec", "counts"), [(9.0, True), (10.5, False)])
def test_evidence_counts_for_ten_seconds(world: World, age_sec: float, counts: bool) -> None:
    trade = world.trade("TSLA", alpaca_order_id=world.paper.order("canceled", "TSLA"))
    evidence = world.gather()
    assert isinstance(evidence, Reading)
    old = replace(evidence, read_at=world.database.now() - timedelta(seconds=age_sec))
    report = world.controller.conclude(old, Trigger.STARTUP)
    assert (report.outcome is Outcome.OK) is counts
    assert (report.error_code == "stale_evidence") is not counts
    assert (world.status_of(trade) == "void") is counts
    assert world.reconciled() is counts


def test_the_age_counts_from_the_reading_of_the_positions(world: World) -> None:
    before = world.database.now()
    evidence = world.gather()
    assert isinstance(evidence, Reading)
    assert before <= evidence.began_at <= evidence.read_at <= world.database.now()


def test_the_last_reading_is_kept_for_people_and_for_the_gate(world: World) -> None:
    world.paper.holds(AAPL=10, TSLA=-2)
    world.reconcile()
    (row,) = world.sql("SELECT * FROM bot_broker_reading")
    assert (row["mode"], row["market_open"]) == ("paper", True)
    assert row["account"]["status"] == "ACTIVE"
    assert [(each["symbol"], each["shares"]) for each in row["positions"]] == [("AAPL", "10"), ("TSLA", "-2")]
    assert isinstance(row["next_close"], datetime)
    world.paper.fails({"kind": "500"})
    world.reconcile()
    assert world.sql("SELECT * FROM bot_broker_reading") == [row], "what failed says nothing"
