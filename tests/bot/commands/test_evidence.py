"""Who asks Alpaca for a command's sake, and what follows from the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from uuid import uuid4

import pytest

from bot.commands import evidence
from bot.commands.evidence import EvidenceGatherer
from bot.models import Outcome, Trigger
from bot.states import CommandKind, CommandStatus, Mode
from tests.bot.world import World

RECONCILE, SET_MODE, UPDATE = CommandKind.RECONCILE, CommandKind.SET_MODE, CommandKind.UPDATE_CONFIG


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Keys for both modes, real market hours."""
    return make_world(live=True, market_hours="nyse")


@pytest.fixture
def gatherer(world: World) -> EvidenceGatherer:
    return EvidenceGatherer(world.controller, world.database, world.settings)


def test_one_reading_answers_every_reconcile_that_waits(world: World, gatherer: EvidenceGatherer) -> None:
    first, second = world.submit(RECONCILE), world.submit(RECONCILE)
    gatherer.gather_for(first.id)
    assert {world.command(each.id).status for each in (first, second)} == {CommandStatus.APPLIED}
    assert world.paper.calls().count("/v2/positions") == 1


def test_a_switch_is_judged_alone_and_the_account_that_it_leads_to_is_compared_at_once(
    world: World, gatherer: EvidenceGatherer
) -> None:
    switch = world.submit(SET_MODE, params={"mode": "live"})
    later = world.submit(UPDATE, params={"maxConcurrentPositions": 5})
    gatherer.gather_for(switch.id)
    assert world.command(switch.id).status is CommandStatus.APPLIED
    assert world.command(later.id).pending
    [report] = world.reports()
    assert (report["trigger"], report["mode"], report["outcome"]) == (
        Trigger.MODE_SWITCH,
        Mode.LIVE,
        Outcome.OK,
    )


def test_a_reconcile_that_finds_nothing_is_followed_by_no_other_attempt(
    world: World, gatherer: EvidenceGatherer
) -> None:
    world.paper.fails({"kind": "500"})
    gatherer.gather_for(world.submit(RECONCILE).id)
    world.set_config(reconcile_due_at=world.ago(1))
    gatherer.gather_for(world.submit(RECONCILE).id)
    assert [row["trigger"] for row in world.reports()] == [Trigger.MANUAL, Trigger.MANUAL]


@pytest.mark.parametrize(
    ("is_held", "lease_sec", "is_asked"),
    [
        pytest.param(True, 20, False, id="another process is at it"),
        pytest.param(True, -1, True, id="the process that is at it is frozen"),
        pytest.param(False, 20, True, id="the process that was at it is gone"),
    ],
)
def test_a_command_is_left_to_whoever_gathers_for_it_while_that_lives(
    world: World, gatherer: EvidenceGatherer, is_held: bool, lease_sec: int, is_asked: bool
) -> None:
    command = world.submit(RECONCILE)
    world.sql(
        "UPDATE bot_command SET gathering_until = clock_timestamp() + make_interval(secs => %s)", [lease_sec]
    )
    if is_held:
        with world.database.holding(command.id) as is_ours:
            assert is_ours
            gatherer.gather_for(command.id)
    else:
        gatherer.gather_for(command.id)
    assert world.command(command.id).pending is not is_asked
    assert bool(world.paper.calls()) is is_asked


def test_nobody_is_asked_for_what_is_finished_or_was_never_there(
    world: World, gatherer: EvidenceGatherer
) -> None:
    command = world.submit(RECONCILE)
    gatherer.gather_for(command.id)
    calls = world.paper.calls()
    gatherer.gather_for(command.id)
    gatherer.gather_for(uuid4())
    assert world.paper.calls() == calls


def test_an_attempt_is_made_when_it_is_due_or_forced(world: World, gatherer: EvidenceGatherer) -> None:
    world.reconcile()
    assert not gatherer.reconcile_if_due()
    assert len(world.reports()) == 1
    assert gatherer.reconcile_if_due(force=True)
    world.set_config(reconcile_due_at=world.ago(1))
    assert gatherer.reconcile_if_due()
    assert [row["trigger"] for row in world.reports()][1:] == [Trigger.PERIODIC, Trigger.PERIODIC]


def test_of_two_processes_that_see_an_attempt_due_one_makes_it(
    world: World, gatherer: EvidenceGatherer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both_see_it(_: object) -> bool:
        assert world.controller.claim_reconciliation() is not None
        return True

    world.set_config(reconcile_due_at=world.ago(1))
    monkeypatch.setattr(gatherer, "_is_due", SimpleNamespace(take=both_see_it))
    assert not gatherer.reconcile_if_due()
    assert world.reports() == []


def test_an_attempt_leaves_a_line_that_says_what_it_found_or_why_nothing_is_known(
    world: World, gatherer: EvidenceGatherer, caplog: pytest.LogCaptureFixture
) -> None:
    world.trade("AAPL", 10)
    world.paper.holds(AAPL=10, TSLA=1)
    with caplog.at_level(logging.INFO, evidence.__name__):
        gatherer.reconcile_if_due(force=True)
        world.paper.fails({"kind": "500"})
        gatherer.reconcile_if_due(force=True)
    found, failed = [each.getMessage() for each in caplog.records]
    assert found.endswith("paper) ok: 1 open trades, 0 missed, 1 differences")
    assert failed.endswith(f"paper) failed: {world.reports()[-1]['error']}")
