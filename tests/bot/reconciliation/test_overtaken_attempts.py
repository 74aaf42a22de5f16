"""An attempt that something overtook while it was under way: a mode switch, a closed gate, a newer attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.models import Outcome, Trigger
from bot.states import CommandStatus, Mode
from tests.bot.world import World


@pytest.mark.parametrize("fault", [None, {"kind": "500"}])
@pytest.mark.parametrize("first", ["the old attempt", "the new attempt"])
def test_an_attempt_that_a_mode_switch_overtook_changes_nothing_but_is_reported(
    make_world: Callable[..., World], fault: dict[str, Any] | None, first: str
) -> None:
    world = make_world(live=True, market_hours="nyse")
    if fault:
        world.paper.fails(fault)
    old = world.gather()
    world.paper.fails()
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED
    assert world.controller.claim_reconciliation() is Trigger.MODE_SWITCH
    if first == "the new attempt":
        assert world.reconcile(Trigger.MODE_SWITCH).outcome is Outcome.OK
    before = world.sql("SELECT * FROM bot_config")
    report = world.controller.conclude(old, Trigger.RETRY)
    assert (report.outcome, report.mode) == (Outcome.FAILED, Mode.PAPER)
    assert report.error_code == ("broker_failed" if fault else "stale_evidence")
    assert world.sql("SELECT * FROM bot_config") == before
    if first == "the old attempt":
        assert world.reconcile(Trigger.MODE_SWITCH).outcome is Outcome.OK
    assert world.reconciled()


def close_by_start(world: World) -> None:
    world.controller.restore("worker-2")


def close_by_switching_there_and_back(world: World) -> None:
    for mode in (Mode.LIVE, Mode.PAPER):
        assert world.set_mode(mode).status is CommandStatus.APPLIED


@pytest.mark.parametrize("is_claimed", [True, False])
@pytest.mark.parametrize("close", [close_by_start, close_by_switching_there_and_back])
def test_an_attempt_that_began_before_the_gate_was_closed_does_not_open_it(
    make_world: Callable[..., World], close: Callable[[World], None], is_claimed: bool
) -> None:
    world = make_world(live=True, market_hours="nyse")
    world.reconcile()
    old = world.gather()
    close(world)
    if is_claimed:
        assert world.controller.claim_reconciliation()
    before = world.sql("SELECT * FROM bot_config")
    report = world.controller.conclude(old, Trigger.RETRY)
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "stale_evidence")
    assert report.error == "Alpaca was read before the gate was closed."
    assert world.sql("SELECT * FROM bot_config") == before
    assert not world.reconciled()
    assert world.reconcile().outcome is Outcome.OK
    assert world.reconciled()


@pytest.mark.parametrize("close", [close_by_start, close_by_switching_there_and_back])
def test_nor_does_it_after_a_newer_attempt_has_failed(
    make_world: Callable[..., World], close: Callable[[World], None]
) -> None:
    world = make_world(live=True, market_hours="nyse")
    old = world.gather()
    close(world)
    world.paper.fails({"kind": "500"})
    assert world.reconcile().outcome is Outcome.FAILED
    before = world.sql("SELECT * FROM bot_config")
    world.controller.conclude(old, Trigger.RETRY)
    assert world.sql("SELECT * FROM bot_config") == before
    assert not world.reconciled()


def test_one_that_began_after_it_opens_it_though_another_is_due(world: World) -> None:
    close_by_start(world)
    by_hand = world.gather()
    assert world.controller.claim_reconciliation()
    assert world.controller.conclude(by_hand, Trigger.MANUAL).outcome is Outcome.OK
    assert world.reconciled()


def test_a_failure_from_before_the_gate_was_closed_delays_no_newer_attempt(world: World) -> None:
    world.paper.fails({"kind": "429", "retry_after": 60})
    old = world.gather()
    close_by_start(world)
    assert world.controller.conclude(old, Trigger.RETRY).error_code == "broker_rate_limited"
    assert world.controller.claim_reconciliation() is Trigger.STARTUP


@pytest.mark.parametrize("finding", ["a failure", "a difference"])
def test_an_older_attempt_that_ends_late_does_not_close_the_gate_that_a_newer_one_opened(
    world: World, finding: str
) -> None:
    if finding == "a failure":
        world.paper.fails({"kind": "500"})
    else:
        world.paper.holds(AAPL=1)
    old = world.gather()
    world.paper.fails()
    world.paper.holds()
    assert world.reconcile_by_hand().outcome is Outcome.OK
    before = world.sql("SELECT * FROM bot_config")
    report = world.controller.conclude(old, Trigger.RETRY)
    assert [row["id"] for row in world.reports()][-1] == report.id, "it is reported all the same"
    assert bool(report.differences) is (finding == "a difference")
    assert world.sql("SELECT * FROM bot_config") == before
    assert world.reconciled()


def test_a_clock_that_was_put_back_shuts_no_attempt_out(world: World) -> None:
    world.reconcile()
    close_by_start(world)
    world.sql(
        "UPDATE bot_config SET gate_closed_at = gate_closed_at + interval '1 hour',"
        " reconcile_began_at = reconcile_began_at + interval '1 hour'"
    )
    assert world.reconcile_by_hand().outcome is Outcome.OK
    assert world.reconciled()
