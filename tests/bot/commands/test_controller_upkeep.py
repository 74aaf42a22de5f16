"""What the controller finishes without being asked: commands that are overdue, and those that a worker finds when it starts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.models import Trigger
from bot.states import BotState, CommandKind, CommandStatus, Source
from tests.bot.commands.kinds import KILL, PAUSE, RESUME, START, STOP, UPDATE, statuses
from tests.bot.world import World

pytestmark = pytest.mark.usefixtures("the_log_adds_up")


# -- tend -----------------------------------------------------------------------------------------------------


def test_tend_applies_a_stop_or_pause_that_nobody_applied_with_all_that_came_before(world: World) -> None:
    world.do(START)
    update = world.submit(UPDATE, params={"maxConcurrentPositions": 7})
    pause = world.submit(PAUSE, age=timedelta(seconds=2))
    later = world.submit(RESUME)
    assert {command.id for command in world.controller.apply_overdue()} == {update.id, pause.id}
    assert world.config.state is BotState.PAUSED
    assert world.command(later.id).pending


def test_tend_leaves_young_commands_and_starts_to_the_worker(world: World) -> None:
    world.do(START)
    young = world.submit(PAUSE)
    world.submit(UPDATE, params={"maxConcurrentPositions": 7}, age=timedelta(minutes=5))
    assert world.controller.apply_overdue() == []
    assert world.command(young.id).pending


def test_tend_finishes_what_has_expired_and_nothing_else(world: World) -> None:
    expired = world.submit(START, age=timedelta(minutes=1))
    pending = world.submit(START)
    assert [command.id for command in world.controller.apply_overdue()] == [expired.id]
    assert world.command(expired.id).status is CommandStatus.EXPIRED
    assert world.command(pending.id).pending


# -- restore --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [[], [START], [START, PAUSE], [START, STOP], [KILL]])
def test_restore_keeps_the_state_and_closes_the_gate(world: World, kinds: list[CommandKind]) -> None:
    for kind in kinds:
        world.do(kind)
    world.reconcile()
    assert world.reconciled()
    before = world.config.state
    world.controller.restore("worker-1")
    config = world.config
    assert config.state is before
    assert not world.reconciled()
    assert (config.reconcile_trigger, config.reconcile_failures) == (Trigger.STARTUP, 0)
    assert world.retry_in_sec() <= 0
    assert len(world.log()) == len(kinds)


@pytest.mark.parametrize("state", ["running", "paused"])
def test_restore_stops_a_bot_that_is_not_enabled_and_logs_it(world: World, state: str) -> None:
    world.do(START)
    if state == "paused":
        world.do(PAUSE)
    pending = world.submit(UPDATE, params={"maxConcurrentPositions": 2})
    world.set_config(enabled=False)
    world.controller.restore("worker-1")
    stop = world.log()[-1]
    assert (stop["kind"], stop["status"], stop["source"], stop["actor"]) == (
        "stop",
        "applied",
        str(Source.SYSTEM),
        "worker-1",
    )
    assert (stop["from_state"], stop["to_state"]) == (state, "stopped")
    assert "not enabled" in stop["reason"]
    assert world.config.state is BotState.STOPPED
    assert world.command(pending.id).pending


def test_halts_come_first_when_a_worker_starts(world: World) -> None:
    world.do(START)
    for kind in (PAUSE, STOP, START):
        world.submit(kind)
    world.controller.apply_halts()
    assert statuses(world)[1:] == [("pause", "superseded"), ("stop", "applied"), ("start", "queued")]
    assert world.controller.apply_halts() == []
