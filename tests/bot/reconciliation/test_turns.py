"""Whose turn it is to ask the broker, and when: one attempt at a time, sixty requests a minute, retries that back off."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bot.commands import log as command_log
from bot.models import Outcome, Trigger
from bot.states import CommandKind, CommandStatus, Mode
from tests.bot.reconciliation.reports import waits_sec
from tests.bot.world import World


def test_of_twenty_claimers_one_gets_the_attempt(world: World) -> None:
    world.controller.restore("worker-1")
    with ThreadPoolExecutor(20) as threads:
        claims = list(threads.map(lambda _: world.controller.claim_reconciliation(), range(20)))
    assert sorted(claims, key=str) == [None] * 19 + [Trigger.STARTUP]
    assert 12 < world.retry_in_sec() <= 20, "it holds the right for as long as any attempt takes"


def test_an_attempt_that_died_can_be_claimed_when_its_lease_has_run_out(world: World) -> None:
    world.controller.restore("worker-1")
    assert world.controller.claim_reconciliation() is Trigger.STARTUP
    assert world.controller.claim_reconciliation() is None
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp() - interval '1 ms'")
    assert world.controller.claim_reconciliation() is Trigger.STARTUP


def test_a_starting_worker_claims_in_any_case_and_agreement_is_looked_at_again_when_it_is_due(
    world: World,
) -> None:
    world.controller.restore("worker-1")
    assert world.controller.claim_reconciliation() is Trigger.STARTUP
    assert world.controller.claim_reconciliation(force=True) is Trigger.STARTUP
    world.reconcile()
    assert world.controller.claim_reconciliation() is None
    assert world.controller.claim_reconciliation(force=True) is Trigger.PERIODIC
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC


@pytest.mark.parametrize(
    ("commands", "seconds"), [([], 300), (["start"], 45), (["start", "pause"], 45), (["start", "stop"], 300)]
)
def test_the_next_attempt_is_due_by_the_bots_state(
    make_world: Callable[..., World], commands: list[str], seconds: int
) -> None:
    world = make_world(reconcile_every_sec=45)
    for kind in commands:
        world.do(CommandKind(kind))
    world.reconcile()
    assert waits_sec(world) == seconds


@pytest.mark.parametrize("kind", ["start", "stop", "kill"])
def test_a_halt_and_a_start_have_an_attempt_made_at_once(world: World, kind: str) -> None:
    if kind == "stop":
        world.do(CommandKind.START)
    world.reconcile()
    assert world.controller.claim_reconciliation() is None
    world.do(CommandKind(kind))
    assert world.reconciled(), "the gate stays as it is"
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC


def test_an_attempt_that_began_before_a_halt_leaves_the_one_that_the_halt_asked_for(world: World) -> None:
    world.reconcile()
    assert world.controller.claim_reconciliation(force=True) is not None
    before = world.gather()
    world.do(CommandKind.KILL)
    assert world.controller.conclude(before, Trigger.PERIODIC).outcome is Outcome.OK
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC
    world.controller.conclude(world.gather(), Trigger.PERIODIC)
    assert world.controller.claim_reconciliation() is None


def test_attempts_keep_to_sixty_requests_a_minute(world: World) -> None:
    for _ in range(19):
        world.reconcile()
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC, "57 were made, 3 are left"
    world.reconcile()
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    assert world.controller.claim_reconciliation() is None
    command = world.submit(CommandKind.RECONCILE)

    def claim() -> bool:
        return world.database.run(
            lambda session: command_log.claim_gathering(session, command.id, 20, world.settings)
        )

    assert not claim(), "a manual one waits, too"
    world.sql("UPDATE bot_reconciliation SET started_at = started_at - interval '1 minute' WHERE id % 2 = 0")
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC
    assert claim()


def test_an_attempt_makes_no_more_requests_than_the_minute_has_left(world: World) -> None:
    for _ in range(19):
        world.reconcile()
    before = [world.trade(f"GONE{n}", 5) for n in range(3)]
    asked = len(world.paper.calls())
    report = world.reconcile_twice()
    assert report.error_code == "requests_used_up"
    assert len(world.paper.calls()) - asked == 6, "three for each of the two"
    assert {world.status_of(trade) for trade in before} == {"open"}


def test_one_reading_serves_every_reconcile_that_was_issued_before_it_began(world: World) -> None:
    commands = [world.submit(CommandKind.RECONCILE) for _ in range(92)]
    evidence = world.gather()
    late = world.submit(CommandKind.RECONCILE)
    world.controller.apply(evidence={commands[0].id: evidence})
    assert {world.command(each.id).status for each in commands} == {CommandStatus.APPLIED}
    assert world.command(late.id).pending, "it was issued after the reading began"
    reports = world.reports()
    assert {row["command_id"] for row in reports} == {each.id for each in commands}
    assert sorted(row["requests"] for row in reports) == [0] * 91 + [3]
    assert world.paper.calls() == ["/v2/account", "/v2/clock", "/v2/positions"]


def test_retries_back_off_from_two_seconds_to_sixty(world: World) -> None:
    world.paper.fails({"kind": "500"})
    evidence = world.gather()
    waits = []
    for _ in range(9):
        world.controller.conclude(evidence, Trigger.RETRY)
        waits.append(waits_sec(world))
    for number, wait in enumerate(waits):
        nominal = min(2.0 * 2**number, 60)
        assert max(2, nominal * 0.8) <= wait <= nominal, waits
    assert len(set(waits)) == 9
    assert world.config.reconcile_failures == 9
    world.paper.fails()
    world.reconcile()
    assert world.config.reconcile_failures == 0


@pytest.mark.parametrize(
    ("fault", "failures", "low", "high"),
    [
        ({"kind": "500"}, 3, 12.8, 16),
        ({"kind": "500"}, 7, 48, 60),
        ({"kind": "500"}, 10_000, 48, 60),
        ({"kind": "429", "retry_after": 30}, 0, 30, 33),
        ({"kind": "429", "retry_after": 30}, 7, 48, 60),
        ({"kind": "429", "retry_after": 55}, 0, 55, 60),
    ],
)
def test_waits_are_spread_within_their_bounds(
    world: World, fault: dict[str, Any], failures: int, low: float, high: float
) -> None:
    world.paper.fails(fault)
    evidence = world.gather()
    waits = []
    for _ in range(20):
        world.set_config(reconcile_failures=failures)
        report = world.controller.conclude(evidence, Trigger.RETRY)
        due = world.config.reconcile_due_at
        assert due is not None
        waits.append((due - report.finished_at).total_seconds())
    assert low <= min(waits) <= max(waits) <= high
    assert max(waits) - min(waits) > (high - low) / 4, "many bots on one account must not come back in step"


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [({"retry_after": 30}, 30, 33), ({"reset_after": 30}, 15, 34.2), ({"retry_after": 3600}, 60, 60)],
)
def test_a_retry_waits_as_long_as_alpaca_asks_for_within_a_minute(
    world: World, asked: dict[str, Any], low: float, high: float
) -> None:
    world.paper.fails({"kind": "429", **asked})
    assert world.reconcile().error_code == "broker_rate_limited"
    assert low <= waits_sec(world) <= high


def test_a_success_by_hand_takes_the_place_of_the_retry_that_waits(world: World) -> None:
    world.paper.fails({"kind": "500"})
    world.reconcile()
    assert world.config.reconcile_trigger is Trigger.RETRY
    world.paper.fails()
    world.reconcile_by_hand()
    config = world.config
    assert config.reconcile_trigger is Trigger.PERIODIC
    assert world.reconciled()
    assert world.controller.claim_reconciliation() is None


def test_a_mode_switch_takes_the_place_of_the_retry_that_waits(make_world: Callable[..., World]) -> None:
    world = make_world(live=True, market_hours="nyse")
    for _ in range(3):
        world.paper.fails({"kind": "429", "retry_after": 60})
        world.reconcile()
    assert world.retry_in_sec() > 50
    world.paper.fails()
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED
    assert world.retry_in_sec() <= 0
    config = world.config
    assert (config.reconcile_trigger, config.reconcile_failures) == (Trigger.MODE_SWITCH, 0)
    assert world.controller.claim_reconciliation() is Trigger.MODE_SWITCH
