"""Every fault of Alpaca at every call of an attempt: an answer that is not known writes nothing off."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from bot.broker import alpaca_http
from bot.broker.time_limits import Limits
from bot.models import Outcome, Trigger
from bot.reconciliation import evidence
from bot.states import CommandKind
from bot.status import gate
from bot.status.snapshot import snapshot
from tests.bot.fake_account import FakeAccount
from tests.bot.world import World
from tests.support import ports

pytestmark = pytest.mark.slow

#: Which call goes wrong, and how many trades are gone: the orders of over 10 are looked up in the lists.
PLACES: dict[str, tuple[dict[str, Any], int]] = {
    "account": ({"path": "/v2/account", "times": 1}, 1),
    "clock": ({"path": "/v2/clock"}, 1),
    "positions": ({"path": "/v2/positions"}, 1),
    "order": ({"path": "/v2/orders/"}, 1),
    "order by name": ({"path": "/v2/orders:by_client_order_id"}, 1),
    "list of orders": ({"path": "/v2/orders"}, 25),
    "fills": ({"path": "/v2/account/activities/FILL"}, 1),
}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"kind": "401"}, "broker_unauthorized"),
    "403": ({"kind": "403"}, "broker_unauthorized"),
    "429": ({"kind": "429"}, "broker_rate_limited"),
    "500": ({"kind": "500"}, "broker_failed"),
    "502": ({"kind": "502"}, "broker_failed"),
    "503": ({"kind": "503"}, "broker_failed"),
    "HTML": ({"kind": "html"}, "broker_garbled"),
    "no body": ({"kind": "empty_body"}, "broker_garbled"),
    "another shape": ({"kind": "not_a_list"}, "broker_garbled"),
    "a malformed row": ({"kind": "malformed_row"}, "broker_garbled"),
    "a short row": ({"kind": "malformed_row", "missing": True}, "broker_garbled"),
    "cut off": ({"kind": "truncated"}, "broker_garbled"),
    "hung up": ({"kind": "refuse"}, "broker_unreachable"),
    "no answer": ({"kind": "timeout"}, "broker_timeout"),
    "too slow": ({"kind": "slow", "seconds": 1}, "broker_timeout"),
    "a byte at a time": ({"kind": "drip", "seconds": 0.1}, "broker_timeout"),
    "empty": ({"kind": "empty"}, "broker_garbled"),
}
#: In an empty list of a flat account, of orders or of fills no fault can be seen: these have tests of their own.
#: A clock has no quantity, and the answer that there is no such order no row that could be spoilt.
NO_FAULTS = {
    *product(["empty"], ["positions", "list of orders", "fills"]),
    *product(["a malformed row", "a short row"], ["clock", "order by name"]),
    ("another shape", "order by name"),
}
CASES = [case for case in product(FAULTS, PLACES) if case not in NO_FAULTS]


def gone_trades(world: World, count: int) -> list[UUID]:
    """Trades whose orders filled two minutes ago, and of which the account holds nothing."""
    at = world.ago(120).isoformat()
    return [
        world.trade(
            f"GONE{n}",
            5,
            alpaca_order_id=world.paper.order(
                "filled", f"GONE{n}", 5, created_at=at, submitted_at=at, filled_at=at
            ),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize(("fault", "place"), CASES, ids=[f"{fault}, {place}" for fault, place in CASES])
def test_a_fault_touches_no_trade_and_leaves_the_gate_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str, place: str, is_open: bool
) -> None:
    (rule, code), (at, count) = FAULTS[fault], PLACES[place]
    gone = gone_trades(world, count)
    world.trade("AAPL", 10)
    world.paper.holds(AAPL=10)
    world.paper.order("new", "AAPL", 1)
    world.sql("INSERT INTO bot_suspect (trade_id, since) SELECT id, now() - interval '1 hour' FROM bot_trade")
    world.paper.fails({**rule, **at})
    world.set_config(reconciled_at=world.database.now() if is_open else None)
    before = world.trades()

    with monkeypatch.context() as patch:
        if code == "broker_timeout":
            patch.setattr(alpaca_http, "READ_TIMEOUT_SEC", 0.4)
            patch.setattr(evidence, "LIMITS", Limits(1.0, 12.0, 20.0))
        report = world.reconcile()

    assert world.trades() == before
    assert (report.outcome, report.error_code) == (Outcome.FAILED, code)
    assert report.error
    assert report.error.endswith(".")
    counts = ("open_trades", "broker_positions", "matched", "missed", "in_flight", "suspect", "booked")
    assert {getattr(report, name) for name in counts} == {None}, "nothing is known"
    assert report.differences == []
    assert [row["outcome"] for row in world.reports()] == ["failed"]
    assert world.reconciled() is is_open, "unknown neither opens nor closes it"
    config = world.config
    assert (config.reconcile_trigger, config.reconcile_failures) == ("retry", 1)
    assert config.paper_account_id is None

    world.paper.fails()
    report = world.reconcile(Trigger.RETRY)
    assert (report.outcome, report.missed, report.matched) == (Outcome.OK, count, 1)
    assert {world.status_of(trade) for trade in gone} == {"missed"}
    assert world.reconciled()


def test_agreement_that_no_answer_renews_ages_until_the_gate_closes(world: World) -> None:
    world.do(CommandKind.START)
    world.reconcile()
    world.paper.fails({"kind": "500"})
    for age, is_stale in ((150, False), (179, False), (181, True)):
        world.set_config(reconciled_at=world.ago(age))
        world.reconcile(Trigger.PERIODIC)
        reasons = gate.judge(world.database.batched(snapshot), world.settings).reasons
        assert (gate.Reason.RECONCILIATION_STALE in reasons) is is_stale
        assert gate.Reason.NOT_RECONCILED not in reasons
    world.paper.fails()
    world.reconcile(Trigger.RETRY)
    assert (
        gate.Reason.RECONCILIATION_STALE
        not in gate.judge(world.database.batched(snapshot), world.settings).reasons
    )


def test_there_are_at_least_twenty_four_cases() -> None:
    assert len(CASES) >= 24


def test_nobody_listens_at_alpacas_address(make_world: Callable[..., World]) -> None:
    world = make_world(alpaca_paper_url=f"http://127.0.0.1:{ports.free()}")
    world.trade()
    before = world.trades()
    report = world.reconcile()
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "broker_unreachable")
    assert world.trades() == before
    assert not world.reconciled()


@pytest.mark.parametrize(
    "fault", [{"kind": "empty"}, {"kind": "shorter", "rows": 1}], ids=["empty", "shorter"]
)
def test_a_list_that_the_accounts_own_values_contradict_is_unknown(
    world: World, fault: dict[str, Any]
) -> None:
    trades = [world.trade("AAPL", 10), world.trade("TSLA", 5)]
    world.paper.holds(AAPL=10, TSLA=5)
    world.paper.fails({**fault, "path": "/v2/positions"})
    for trade in trades:
        world.sql("INSERT INTO bot_suspect (trade_id, since) VALUES (%s, now() - interval '1 hour')", [trade])
    world.set_config(reconciled_at=world.database.now())
    before = world.trades()
    report = world.reconcile()
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "broker_inconsistent")
    assert report.error is not None
    assert "contradicts its own account" in report.error
    assert world.trades() == before
    assert world.reconciled()


def test_one_empty_list_writes_off_nothing_even_if_the_values_lag(world: World) -> None:
    trade = world.trade("AAPL", 10)
    world.reconcile()
    assert world.status_of(trade) == "open"
    world.paper.holds(AAPL=10)
    assert world.reconcile().matched == 1
    assert world.suspects() == []


def test_an_empty_list_of_orders_writes_nothing_off_in_one_reading(world: World) -> None:
    trades = [
        world.trade(f"NEW{n}", 5, alpaca_order_id=world.paper.order("new", f"NEW{n}")) for n in range(12)
    ]
    world.paper.fails({"kind": "empty", "path": "/v2/orders", "times": 2})
    world.reconcile()
    assert {world.status_of(trade) for trade in trades} == {"open"}
    assert world.reconcile(Trigger.RETRY).in_flight == 12


@pytest.mark.parametrize("quantity", ["1e999999", "NaN", "-Infinity", "1e-999999", "9" * 400])
def test_a_quantity_that_makes_no_sense_is_unknown(fake_world: World[FakeAccount], quantity: str) -> None:
    trade = fake_world.trade("AAPL", 10)
    fake_world.paper.holds(AAPL=10)
    fake_world.paper.positions["AAPL"]["qty"] = quantity
    before = fake_world.trades()
    report = fake_world.reconcile_twice()
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "broker_garbled")
    assert fake_world.trades() == before
    assert fake_world.status_of(trade) == "open"


def test_a_failure_by_hand_is_an_applied_command_whose_report_failed(world: World) -> None:
    world.set_config(reconciled_at=world.database.now())
    world.paper.fails({"kind": "500"})
    report = world.reconcile_by_hand()
    assert (report.outcome, report.trigger) == (Outcome.FAILED, "manual")
    assert world.log()[0]["status"] == "applied"
    assert world.reconciled(), "unknown does not close an open gate"
