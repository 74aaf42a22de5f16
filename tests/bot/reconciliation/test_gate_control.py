"""What the end of an attempt does to the gate and to the time of the next one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.broker.errors import BrokerError, BrokerRateLimited
from bot.errors import CredentialsMissing
from bot.models import BotConfig, Outcome, Trigger
from bot.reconciliation.evidence import ReadFailed, retry_after
from bot.reconciliation.gate_control import ask_for_attempt, close_gate
from bot.states import CommandKind, Mode
from tests.bot.fake import an_account
from tests.bot.fake_account import FakeAccount
from tests.bot.reconciliation.books import NOW
from tests.bot.reconciliation.reports import reading
from tests.bot.world import World

Fake = World[FakeAccount]
SECOND = timedelta(seconds=1)


def due_in(world: Fake, report: Any) -> float:
    """Seconds from the end of the attempt to the next one."""
    at = world.config.reconcile_due_at
    assert at is not None
    return float((at - report.finished_at).total_seconds())


# -- closing it, and asking for an attempt ----------------------------------------------------------------------


def test_a_closed_gate_has_an_attempt_due_whose_trigger_is_what_closed_it() -> None:
    config = BotConfig(reconciled_at=NOW - SECOND, reconcile_failures=7, reconcile_due_at=NOW + SECOND)
    close_gate(config, NOW, Trigger.MODE_SWITCH)
    assert (config.reconciled_at, config.gate_closed_at, config.gate_closed_by) == (None, NOW, "mode_switch")
    assert (config.reconcile_due_at, config.reconcile_trigger, config.reconcile_failures) == (
        NOW,
        "mode_switch",
        0,
    )
    ask_for_attempt(config, NOW + SECOND, Trigger.PERIODIC)
    assert (config.reconcile_due_at, config.reconcile_trigger) == (NOW + SECOND, "mode_switch")
    ask_for_attempt(config, NOW + 2 * SECOND, Trigger.SETTLE)
    assert (config.reconcile_due_at, config.reconcile_trigger) == (NOW + 2 * SECOND, "settle")


def test_while_it_is_open_an_attempt_that_is_asked_for_is_no_longer_a_retry() -> None:
    config = BotConfig(reconciled_at=NOW, reconcile_trigger=Trigger.RETRY)
    ask_for_attempt(config, NOW, Trigger.PERIODIC)
    assert (config.reconcile_due_at, config.reconcile_trigger) == (NOW, "periodic")


def test_a_report_that_is_repeated_says_the_same_and_counts_no_requests_twice(fake_world: Fake) -> None:
    fake_world.paper.holds(AAPL=3)
    commands = [fake_world.submit(CommandKind.RECONCILE) for _ in range(2)]
    fake_world.controller.apply(evidence={commands[0].id: reading(fake_world)})
    first, second = fake_world.reports()
    different = {"id", "command_id", "requests"}
    assert {name for name in first if first[name] != second[name]} == different
    assert (first["requests"], second["requests"]) == (3, 0)
    assert {first["command_id"], second["command_id"]} == {each.id for each in commands}


# -- opening it -------------------------------------------------------------------------------------------------


def test_agreement_opens_it_and_ends_what_closed_it(fake_world: Fake) -> None:
    fake_world.controller.restore("worker-1")
    fake_world.set_config(reconcile_failures=5)
    evidence = reading(fake_world)
    report = fake_world.controller.conclude(evidence, Trigger.STARTUP)
    config = fake_world.config
    assert config.reconciled_at == config.agreed_at
    assert config.reconciled_at is not None
    assert report.started_at <= config.reconciled_at
    assert (config.gate_closed_by, config.reconcile_failures) == (None, 0)
    assert config.reconcile_began_at == evidence.began_at
    assert config.reconcile_trigger is Trigger.PERIODIC


@pytest.mark.parametrize(("asked", "wait"), [(0.0, 20), (19.0, 20), (35.5, 35.5)])
def test_the_next_one_is_due_after_the_interval_or_as_late_as_alpaca_asked_for(
    make_fake_world: Callable[..., Fake], asked: float, wait: float
) -> None:
    world = make_fake_world(reconcile_every_sec=20)
    world.do(CommandKind.START)
    report = world.controller.conclude(reading(world, retry_after_sec=asked), Trigger.PERIODIC)
    assert due_in(world, report) == pytest.approx(wait, abs=0.001)


# -- not opening it ---------------------------------------------------------------------------------------------


def test_a_difference_closes_it_and_is_looked_at_again_as_a_failure_is(fake_world: Fake) -> None:
    fake_world.reconcile()
    agreed = fake_world.config.agreed_at
    fake_world.paper.holds(AAPL=3)
    for failures in (1, 2):
        report = fake_world.reconcile(Trigger.PERIODIC)
        config = fake_world.config
        assert (report.outcome, config.reconciled_at, config.agreed_at) == (Outcome.OK, None, agreed)
        assert (config.reconcile_failures, config.reconcile_trigger) == (failures, Trigger.RETRY)
        assert 0.8 * 2**failures - 0.001 <= due_in(fake_world, report) <= 2**failures + 0.001


@pytest.mark.parametrize(("asked", "wait"), [(0.0, 10), (9.0, 10), (25.0, 25)])
def test_the_second_reading_of_a_suspect_is_ten_seconds_later_or_as_late_as_alpaca_asked_for(
    fake_world: Fake, asked: float, wait: float
) -> None:
    fake_world.trade("GONE", 5)
    fake_world.set_config(reconcile_failures=9)
    report = fake_world.controller.conclude(reading(fake_world, retry_after_sec=asked), Trigger.PERIODIC)
    assert report.suspect == 1
    assert due_in(fake_world, report) == pytest.approx(wait, abs=0.001)
    assert fake_world.config.reconcile_failures == 10


def test_an_account_that_may_not_be_traded_on_closes_it_and_a_failed_reading_does_not(
    fake_world: Fake,
) -> None:
    for account, is_open in (
        (an_account("the account", trading_blocked=True), False),
        (an_account("another account"), False),
        (an_account("the account"), True),
        (None, True),
    ):
        now = fake_world.database.now()
        fake_world.set_config(reconciled_at=now, paper_account_id="the account")
        evidence = (
            reading(fake_world, account=account) if account else ReadFailed(Mode.PAPER, now, BrokerError())
        )
        fake_world.controller.conclude(evidence, Trigger.PERIODIC)
        assert fake_world.reconciled() is is_open, account


def test_of_two_attempts_the_later_one_decides_and_the_other_leaves_the_time_of_the_next_one(
    fake_world: Fake,
) -> None:
    old = reading(fake_world)
    fake_world.paper.holds(AAPL=3)
    fake_world.reconcile()
    before = fake_world.sql("SELECT * FROM bot_config")
    assert fake_world.controller.conclude(old, Trigger.RETRY).differences == []
    assert fake_world.sql("SELECT * FROM bot_config") == before
    assert not fake_world.reconciled()


# -- what Alpaca asked for --------------------------------------------------------------------------------------


def test_a_failed_reading_knows_how_long_alpaca_wants_to_be_left_alone() -> None:
    limited = BrokerRateLimited()
    limited.retry_after_sec = 12.5
    for error, wait in (
        (limited, 12.5),
        (BrokerError(), 0.0),
        (CredentialsMissing("No keys."), 0.0),
    ):
        assert retry_after(ReadFailed(Mode.PAPER, NOW, error)) == wait
