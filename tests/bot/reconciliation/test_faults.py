"""Every fault of Alpaca at every call of an attempt: an answer that is not known writes nothing off."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from bot.broker import alpaca_http
from bot.models import Outcome, Trigger
from bot.reconciliation import evidence
from tests.bot.world import World
from tests.support import ports

pytestmark = pytest.mark.slow

#: Which call goes wrong, and how many trades are gone: over 20 orders are looked up in the list.
PLACES: dict[str, tuple[dict[str, Any], int]] = {
    "account": ({"path": "/v2/account"}, 1),
    "first read": ({"path": "/v2/positions", "times": 1}, 1),
    "order": ({"path": "/v2/orders/"}, 1),
    "list of orders": ({"path": "/v2/orders"}, 25),
    "second read": ({"path": "/v2/positions", "skip": 1}, 1),
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
#: An account that is flat has an empty list of positions: no fault can be seen in it.
NO_FAULTS = {("empty", "first read"), ("empty", "second read")}
CASES = [case for case in product(FAULTS, PLACES) if case not in NO_FAULTS]


def gone_trades(world: World, count: int) -> list[UUID]:
    return [
        world.trade(f"GONE{n}", 5, alpaca_order_id=world.paper.order("filled", f"GONE{n}"))
        for n in range(count)
    ]


@pytest.mark.usefixtures("quick_second_read")
@pytest.mark.parametrize(("fault", "place"), CASES, ids=[f"{fault}, {place}" for fault, place in CASES])
def test_a_fault_touches_no_trade_and_keeps_the_gate_closed(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str, place: str
) -> None:
    (rule, code), (at, count) = FAULTS[fault], PLACES[place]
    gone = gone_trades(world, count)
    world.trade("AAPL", 10)
    world.paper.holds(AAPL=10)
    world.paper.order("new", "AAPL", 1)
    world.paper.fails({**rule, **at})
    world.set_config(reconciled_at=world.database.now())
    assert world.reconciled()
    before = world.trades()

    with monkeypatch.context() as patch:
        if code == "broker_timeout":
            patch.setattr(alpaca_http, "READ_TIMEOUT_SEC", 0.4)
            patch.setattr(evidence, "BROKER_BUDGET_SEC", 1.0)
        report = world.reconcile()

    assert world.trades() == before
    assert (report.outcome, report.error_code) == (Outcome.FAILED, code)
    assert report.error
    assert report.error.endswith(".")
    assert (report.matched, report.missed, report.in_flight, report.differences) == (0, 0, 0, [])
    assert [row["outcome"] for row in world.reports()] == ["failed"]
    assert not world.reconciled()
    config = world.config
    assert (config.reconcile_trigger, config.reconcile_failures) == ("retry", 1)
    assert config.paper_account_id is None

    world.paper.fails()
    report = world.reconcile(Trigger.RETRY)
    assert (report.outcome, report.missed, report.matched) == (Outcome.OK, count, 1)
    assert {world.status_of(trade) for trade in gone} == {"missed"}
    assert world.reconciled()


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


@pytest.mark.usefixtures("quick_second_read")
@pytest.mark.parametrize("rule", [{"times": 1}, {"skip": 1}], ids=["first read", "second read"])
def test_one_empty_list_writes_off_nothing_that_the_other_read_shows(
    world: World, rule: dict[str, Any]
) -> None:
    held, gone = world.trade("AAPL", 10), world.trade("TSLA", 5)
    world.paper.holds(AAPL=10)
    world.paper.fails({"kind": "empty", "path": "/v2/positions", **rule})
    report = world.reconcile()
    assert world.status_of(held) == "open"
    assert world.status_of(gone) == "missed", "both reads agree on this one"
    if "times" in rule:
        assert (report.matched, report.differences) == (1, [])
    else:
        assert report.differences == [{"symbol": "AAPL", "kind": "quantity", "here": "10", "there": "0"}]
        assert not world.reconciled()


#: One of the two reads of the list of orders is empty.
ONE_EMPTY_LIST = pytest.mark.parametrize(
    "rule", [{"times": 1}, {"skip": 1, "times": 1}], ids=["first read", "second read"]
)


@ONE_EMPTY_LIST
@pytest.mark.usefixtures("quick_second_read")
def test_an_empty_list_of_orders_is_not_believed_while_they_work(world: World, rule: dict[str, Any]) -> None:
    for n in range(25):
        world.trade(f"NEW{n}", 5, alpaca_order_id=world.paper.order("new", f"NEW{n}"))
    world.paper.fails({"kind": "empty", "path": "/v2/orders", **rule})
    before = world.trades()
    report = world.reconcile()
    assert (report.error_code, report.missed) == ("broker_garbled", 0)
    assert world.trades() == before
    assert world.reconcile(Trigger.RETRY).in_flight == 25


@ONE_EMPTY_LIST
@pytest.mark.usefixtures("quick_second_read")
def test_an_order_that_one_list_leaves_out_works_if_the_other_names_it(
    world: World, rule: dict[str, Any]
) -> None:
    working = world.trade("NEW", 5, alpaca_order_id=world.paper.order("new", "NEW"))
    gone = gone_trades(world, 24)
    world.paper.fails({"kind": "empty", "path": "/v2/orders", **rule})
    report = world.reconcile()
    assert (report.outcome, report.missed, report.in_flight) == (Outcome.OK, 24, 1)
    assert world.status_of(working) == "open"
    assert {world.status_of(trade) for trade in gone} == {"missed"}


def test_a_failure_by_hand_is_an_applied_command_whose_report_failed(world: World) -> None:
    world.set_config(reconciled_at=world.database.now())
    world.paper.fails({"kind": "500"})
    report = world.reconcile_by_hand()
    assert (report.outcome, report.trigger) == (Outcome.FAILED, "manual")
    assert world.log()[0]["status"] == "applied"
    assert not world.reconciled(), "the newest evidence says: unknown"
