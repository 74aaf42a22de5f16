"""Reconciliation, rule by rule, with an Alpaca that answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.models import Outcome, Trigger
from bot.reconciliation.evidence import Reading
from bot.reconciliation.judgement import SECOND_READING_AFTER
from bot.states import Mode
from tests.bot.world import World


def difference(symbol: str, kind: str, here: Any, there: Any) -> dict[str, str]:
    return {"symbol": symbol, "kind": kind, "here": str(here), "there": str(there)}


def differences(report: Any) -> list[dict[str, str]]:
    """Without the trades that each names."""
    return [{name: each[name] for name in each if name != "tradeIds"} for each in report.differences]


def filled_long_ago(world: World, symbol: str, qty: Any = 10, **fields: Any) -> str:
    """An order that was filled when the trades of the tests were entered."""
    at = world.ago(120).isoformat()
    return world.paper.order(
        "filled",
        symbol,
        qty,
        filled_avg_price="10.25",
        created_at=at,
        submitted_at=at,
        filled_at=at,
        **fields,
    )


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
    assert 299 < world.retry_in_sec() <= 300, "the bot is stopped"
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
    assert 9 < world.retry_in_sec() <= 10
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


# -- differences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trades", "there", "expected"),
    [
        ([], {"AAPL": 10}, [difference("AAPL", "unknown_here", 0, 10)]),
        ([], {"AAPL": -10}, [difference("AAPL", "unknown_here", 0, -10)]),
        ([("AAPL", 10)], {"AAPL": 11}, [difference("AAPL", "quantity", 10, 11)]),
        ([("AAPL", 10)], {"AAPL": "9.999999999"}, [difference("AAPL", "quantity", 10, "9.999999999")]),
        ([("AAPL", 10)], {"AAPL": -10}, [difference("AAPL", "side", 10, -10)]),
        ([("AAPL", -10)], {"AAPL": 3}, [difference("AAPL", "side", -10, 3)]),
        ([("AAPL", -10)], {"AAPL": -3}, [difference("AAPL", "quantity", -10, -3)]),
        ([("AAPL", 10)], {"AAPL": 1000}, [difference("AAPL", "quantity", 10, 1000)]),
        ([("AAPL", 10), ("AAPL", 5)], {"AAPL": 10}, [difference("AAPL", "quantity", 15, 10)]),
        ([("AAPL", 10), ("AAPL", -10)], {"AAPL": 4}, [difference("AAPL", "quantity", 0, 4)]),
        (
            [("BBB", 1), ("CCC", 2)],
            {"AAA": 1, "BBB": 2, "CCC": -2},
            [
                difference("AAA", "unknown_here", 0, 1),
                difference("BBB", "quantity", 1, 2),
                difference("CCC", "side", 2, -2),
            ],
        ),
        # another spelling is another symbol: better an alarm than a guess
        ([("BRK.A", 1)], {"BRK.A": 1, "BRK.B": 1}, [difference("BRK.B", "unknown_here", 0, 1)]),
        ([("BTCUSD", 1)], {"BTCUSD": 1, "BTC/USD": 2}, [difference("BTC/USD", "unknown_here", 0, 2)]),
    ],
)
def test_a_difference_is_reported_with_both_figures_and_never_adopted(
    world: World, trades: list[tuple[str, Any]], there: dict[str, Any], expected: list[dict[str, str]]
) -> None:
    for symbol, shares in trades:
        world.trade(symbol, shares)
    world.paper.holds_all(there)
    before = {name: row["shares"] for name, row in world.trades().items()}
    report = world.reconcile()
    assert (report.outcome, differences(report), report.missed) == (Outcome.OK, expected, 0)
    assert {name: row["shares"] for name, row in world.trades().items()} == before
    assert {row["status"] for row in world.trades().values()} <= {"open"}
    assert not world.reconciled()
    config = world.config
    assert (config.reconcile_trigger, config.reconcile_failures) == ("retry", 1)
    assert 1 < world.retry_in_sec() < 3


@pytest.mark.parametrize(
    ("trades", "there"),
    [
        ([10, 5, "0.5"], "15.5"),
        ([-10, -5], -15),
        ([10, -4], 6),
        ([10, -10], None),
    ],
)
def test_several_open_trades_of_one_symbol_add_up(world: World, trades: list[Any], there: Any) -> None:
    for shares in trades:
        world.trade("AAPL", shares)
    world.paper.holds_all({} if there is None else {"AAPL": there})
    report = world.reconcile()
    assert (report.matched, report.missed, report.differences) == (len(trades), 0, [])
    assert world.reconciled()


def test_what_is_missing_and_what_differs_are_told_apart_in_one_report(world: World) -> None:
    gone, other = world.trade("GONE", 5), world.trade("MORE", 5)
    world.paper.holds(MORE=6, NEW=1)
    report = world.reconcile_twice()
    assert differences(report) == [
        difference("MORE", "quantity", 5, 6),
        difference("NEW", "unknown_here", 0, 1),
    ]
    assert (world.status_of(gone), world.status_of(other)) == ("missed", "open")
    assert not world.reconciled()


# -- working orders ---------------------------------------------------------------------------------------------


WORKING = [
    *(
        "new",
        "accepted",
        "pending_new",
        "partially_filled",
        "held",
        "accepted_for_bidding",
        "pending_replace",
    ),
    *("pending_cancel", "calculated", "stopped", "done_for_day", "suspended", "pending_review"),
]


@pytest.mark.parametrize("status", WORKING)
def test_a_trade_whose_order_still_works_is_in_flight(world: World, status: str) -> None:
    trade = world.trade("TSLA", alpaca_order_id=world.paper.order(status, "TSLA"))
    report = world.reconcile()
    assert (report.in_flight, report.missed, report.matched, report.differences) == (1, 0, 0, [])
    assert world.status_of(trade) == "open"
    assert world.reconciled(), "what is on its way agrees"


@pytest.mark.parametrize("status", ["filled", None])
def test_a_trade_whose_order_filled_or_is_unknown_is_missed(world: World, status: str | None) -> None:
    order = str(uuid4()) if status is None else filled_long_ago(world, "TSLA")
    trade = world.trade("TSLA", alpaca_order_id=order)
    assert world.reconcile_twice().missed == 1
    assert world.status_of(trade) == "missed"


@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize("status", ["canceled", "expired", "rejected"])
def test_a_trade_whose_order_ended_with_nothing_filled_is_void(
    world: World, status: str, filled: bool
) -> None:
    trade = world.trade("TSLA", alpaca_order_id=world.paper.order(status, "TSLA"), filled=filled)
    report = world.reconcile()
    assert (report.voided, report.missed, report.differences) == (1, 0, [])
    row = world.trades()[trade]
    assert (row["status"], row["exit_reason"], row["filled"]) == ("void", None, False)
    assert row["note"] == "Alpaca finished its entry order with nothing filled."
    assert [event["kind"] for event in world.events(trade)] == ["voided"]
    assert world.reconciled()


def test_a_replaced_order_whose_successor_is_not_to_be_found_says_nothing(world: World) -> None:
    trade = world.trade("TSLA", alpaca_order_id=world.paper.order("replaced", "TSLA"))
    before = world.trades()
    report = world.reconcile_twice()
    assert (report.outcome, report.missed, report.in_flight) == (Outcome.OK, 0, 1)
    assert world.trades() == before
    assert world.status_of(trade) == "open"


@pytest.mark.parametrize(
    ("shares", "filled_now", "filled"),
    [(10, 1, 4), (10, 1, 10), (10, 1, 0), (10, 4, 4), (-10, 1, -4), ("0.5", "0.1", "0.25")],
)
def test_a_partial_fill_of_a_working_order_is_no_difference(
    world: World, shares: Any, filled_now: Any, filled: Any
) -> None:
    side = "sell" if str(shares).startswith("-") else "buy"
    order = world.paper.order(
        "partially_filled", "TSLA", abs(Decimal(shares)), filled_qty=filled_now, side=side
    )
    world.trade("TSLA", shares, alpaca_order_id=order)
    world.paper.holds_all({"TSLA": filled} if filled else {})
    report = world.reconcile()
    assert report.differences == []
    assert (report.in_flight or 0) + (report.matched or 0) == 1
    assert world.reconciled()


@pytest.mark.parametrize(
    ("there", "kind"), [(12, "quantity"), (-1, "side"), (-10, "side"), ("10.000000001", "quantity")]
)
def test_what_a_working_order_cannot_explain_is_a_difference(world: World, there: Any, kind: str) -> None:
    world.trade("TSLA", 10, alpaca_order_id=world.paper.order("partially_filled", "TSLA", 10, filled_qty=1))
    world.paper.holds(TSLA=there)
    report = world.reconcile()
    assert differences(report) == [difference("TSLA", kind, 10, there)]
    assert not world.reconciled()


@pytest.mark.parametrize(
    ("there", "is_explained"), [(10, True), (13, True), (15, True), (9, False), (16, False)]
)
def test_a_working_order_explains_its_own_shares_only(world: World, there: int, is_explained: bool) -> None:
    world.trade("TSLA", 10, alpaca_order_id=filled_long_ago(world, "TSLA"))
    world.trade("TSLA", 5, alpaca_order_id=world.paper.order("new", "TSLA", 5))
    world.paper.holds(TSLA=there)
    report = world.reconcile()
    assert report.missed == 0
    assert (report.differences == []) is is_explained


def test_of_two_trades_without_a_position_only_the_one_whose_order_works_survives(world: World) -> None:
    gone = world.trade("TSLA", 10, alpaca_order_id=filled_long_ago(world, "TSLA"))
    coming = world.trade("TSLA", 5, alpaca_order_id=world.paper.order("new", "TSLA", 5))
    report = world.reconcile_twice()
    assert (report.missed, report.in_flight, report.differences) == (1, 1, [])
    assert (world.status_of(gone), world.status_of(coming)) == ("missed", "open")


@pytest.mark.parametrize(("age_sec", "outcome"), [(1, "open"), (50, "open"), (70, "missed")])
def test_a_reservation_without_an_order_has_a_minute(world: World, age_sec: int, outcome: str) -> None:
    created = world.database.now() - timedelta(seconds=age_sec)
    trade = world.trade("TSLA", filled=False, created_at=created)
    report = world.reconcile_twice()
    assert world.status_of(trade) == outcome
    assert (report.in_flight, report.missed) == ((1, 0) if outcome == "open" else (0, 1))
    assert world.reconciled()


@pytest.mark.parametrize("working_at", [0, 500, 749])
def test_many_orders_are_looked_up_in_the_list_over_all_its_pages(world: World, working_at: int) -> None:
    orders = [world.paper.order("new", "HELD") for _ in range(750)]
    trades = [world.trade(f"S{n}", alpaca_order_id=filled_long_ago(world, f"S{n}")) for n in range(30)]
    coming = world.trade("COMING", alpaca_order_id=orders[working_at])
    report = world.reconcile_twice()
    assert (report.missed, report.in_flight, report.differences) == (30, 1, [])
    assert world.status_of(coming) == "open"
    assert {world.status_of(trade) for trade in trades} == {"missed"}
    calls = world.paper.calls()
    attempt = [
        *("/v2/account", "/v2/clock", "/v2/positions"),
        *["/v2/orders"] * 4,  # two pages of those that work, two of all
        "/v2/account/activities/FILL",
    ]
    assert calls == attempt * 2


def test_of_many_orders_that_no_list_names_some_are_asked_for_and_the_rest_is_not_written_off(
    world: World,
) -> None:
    trades = [world.trade(f"S{n:02}", alpaca_order_id=str(uuid4())) for n in range(25)]
    report = world.reconcile_twice()
    assert (report.missed, report.suspect) == (10, 15)
    assert not world.reconciled()
    for _ in range(2):
        world.sql("DELETE FROM bot_reconciliation")  # a minute goes by: there are requests left again
        world.age_suspects()
        assert world.reconcile(Trigger.RETRY).outcome is Outcome.OK
    assert {world.status_of(trade) for trade in trades} == {"missed"}


# -- whose account ----------------------------------------------------------------------------------------------


def test_the_first_success_binds_the_account_and_later_ones_keep_it(world: World) -> None:
    world.paper.fails({"kind": "500", "path": "/v2/positions"})
    world.reconcile()
    assert world.config.paper_account_id is None, "a failure binds nothing"
    world.paper.fails()
    account_id = world.paper.is_()["id"]
    report = world.reconcile()
    assert report.account_id == world.config.paper_account_id == account_id
    assert world.config.live_account_id is None
    world.reconcile()
    assert world.config.paper_account_id == account_id


def test_a_success_with_differences_binds_the_account_too(world: World) -> None:
    world.paper.holds(AAPL=1)
    world.reconcile()
    assert world.config.paper_account_id == world.paper.is_()["id"]


def test_another_account_is_a_failure_and_touches_nothing(world: World) -> None:
    trade = world.trade("AAPL", 10)
    world.paper.holds(AAPL=10)
    bound = world.paper.is_()["id"]
    assert world.reconcile().outcome is Outcome.OK
    other = str(uuid4())
    world.paper.is_(id=other)
    world.paper.holds()
    report = world.reconcile(Trigger.MANUAL)
    assert (report.outcome, report.error_code, report.missed) == (Outcome.FAILED, "account_mismatch", None)
    assert report.account_id == other
    assert other in (report.error or "")
    assert bound in (report.error or "")
    assert not world.reconciled()
    assert world.status_of(trade) == "open"
    assert world.config.paper_account_id == bound
    world.paper.is_(id=bound)
    world.paper.holds(AAPL=10)
    assert world.reconcile().outcome is Outcome.OK
    assert world.reconciled()


def test_the_account_of_the_other_mode_is_refused_and_not_bound(world: World) -> None:
    trade = world.trade("AAPL", 10)
    account = world.paper.is_()["id"]
    world.set_config(live_account_id=account)
    report = world.reconcile_twice(Trigger.MANUAL)
    assert (report.outcome, report.error_code, report.missed) == (Outcome.FAILED, "account_mismatch", None)
    assert "the account of the other mode" in (report.error or "")
    assert (world.config.paper_account_id, world.reconciled()) == (None, False)
    assert world.status_of(trade) == "open"


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
def test_a_blocked_account_keeps_the_gate_closed_and_trades_as_they_are(world: World, flag: str) -> None:
    trade = world.trade("AAPL", 10)
    world.paper.is_(**{flag: True})
    report = world.reconcile()
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "account_blocked")
    assert report.error == f"Alpaca does not let the paper account trade: {flag}."
    assert (report.open_trades, report.broker_positions) == (None, None)
    assert not world.reconciled()
    assert world.status_of(trade) == "open"
    assert world.config.paper_account_id is None
    world.paper.is_(**{flag: False})
    world.paper.holds(AAPL=10)
    world.reconcile()
    assert world.reconciled()
    world.paper.is_(**{flag: True})
    world.reconcile()
    assert not world.reconciled(), "and it closes an open gate"


def test_a_mode_without_keys_fails_with_a_sentence(make_world: Callable[..., World]) -> None:
    world = make_world(alpaca_paper_api_key=None, alpaca_paper_api_secret=None)
    trade = world.trade()
    report = world.reconcile()
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "credentials_missing")
    assert "ALPACA_PAPER_API_KEY" in (report.error or "")
    assert world.status_of(trade) == "open"
    assert not world.reconciled()


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
