"""The controller: every pending command is finished, once, in order, and whoever waits for it is told."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from bot.states import BotState, CommandKind, CommandStatus, Mode
from tests.bot.commands.kinds import (
    KILL,
    PAUSE,
    REARM,
    RECONCILE,
    RESUME,
    SET_MODE,
    START,
    STOP,
    UPDATE,
    statuses,
)
from tests.bot.world import World
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("the_log_adds_up")


# -- one command ----------------------------------------------------------------------------------------------


def test_a_command_is_durable_and_pending_until_it_is_applied(world: World) -> None:
    command = world.submit(START, reason="the market opens")
    assert world.command(command.id).pending
    assert world.config.state is BotState.STOPPED
    (applied,) = world.controller.apply()
    assert (applied.id, applied.status) == (command.id, CommandStatus.APPLIED)
    assert (applied.from_state, applied.to_state, applied.revision) == (BotState.STOPPED, BotState.RUNNING, 1)
    assert applied.mode is Mode.PAPER
    assert applied.reason == "the market opens"
    assert applied.finished_at is not None
    assert applied.issued_at <= applied.finished_at
    config = world.config
    assert (config.state, config.enabled, config.revision) == (BotState.RUNNING, True, 1)
    assert config.updated_at == applied.finished_at


def test_a_refusal_is_recorded_and_changes_nothing(world: World) -> None:
    before = world.sql("SELECT * FROM bot_config")
    command = world.do(PAUSE)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "invalid_transition")
    assert command.error == "Cannot pause while the bot is stopped; pause is allowed when it is running."
    assert (command.from_state, command.to_state, command.revision) == (BotState.STOPPED, None, None)
    assert world.sql("SELECT * FROM bot_config") == before


def test_kill_latches_with_its_reason_and_only_rearm_clears_it(world: World) -> None:
    world.do(START)
    world.do(KILL, reason="runaway")
    config = world.config
    assert (config.state, config.enabled, config.kill_reason) == (BotState.STOPPED, False, "runaway")
    assert world.do(START).error_code == "killed"
    assert world.do(STOP).error_code == "invalid_transition"
    assert world.do(KILL, reason="again").status is CommandStatus.APPLIED
    assert world.config.kill_reason == "again"
    world.do(KILL)
    assert world.config.kill_reason == "again", "one without a reason hides no other's"
    assert world.do(REARM).status is CommandStatus.APPLIED
    config = world.config
    assert (config.killed_at, config.kill_reason, config.state) == (None, None, BotState.STOPPED)
    assert config.enabled is False, "start is a step of its own"
    assert world.do(REARM).error_code == "invalid_transition"
    assert world.do(START).status is CommandStatus.APPLIED


def test_thresholds_change_all_or_none(world: World) -> None:
    command = world.do(UPDATE, params={"positionSizeUsd": 750.5, "enabledCatalystTiers": [2, 1]})
    assert command.status is CommandStatus.APPLIED
    assert command.to_state is BotState.STOPPED
    assert (float(world.config.position_size_usd), world.config.enabled_catalyst_tiers) == (750.5, [1, 2])
    command = world.do(UPDATE, params={"positionSizeUsd": 1, "minWinRate": 7})
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "validation")
    assert command.error_details == {"fields": {"minWinRate": ["Input should be less than or equal to 1"]}}
    assert float(world.config.position_size_usd) == 750.5


# -- many commands --------------------------------------------------------------------------------------------


def test_all_that_is_pending_is_finished_in_order_in_one_transaction(world: World) -> None:
    for kind in (START, PAUSE, RESUME, PAUSE, PAUSE):
        world.submit(kind)
    assert len(world.controller.apply()) == 5
    assert [status for _, status in statuses(world)] == ["applied"] * 4 + ["rejected"]
    assert world.config.state is BotState.PAUSED
    assert len({row["finished_at"] for row in world.log()}) == 1
    assert world.controller.apply() == []


def test_only_what_was_issued_up_to_a_command_is_finished_with_it(world: World) -> None:
    first, second = world.submit(START), world.submit(PAUSE)
    world.controller.apply(up_to_seq=first.seq)
    assert world.config.state is BotState.RUNNING
    assert world.command(second.id).pending


@pytest.mark.parametrize("halt", [STOP, KILL])
def test_a_halt_calls_off_all_that_would_move_the_bot_and_was_issued_before_it(
    world: World, halt: CommandKind
) -> None:
    world.do(START)
    world.submit(PAUSE)
    world.submit(RESUME)
    world.submit(SET_MODE, params={"mode": "live"})
    world.submit(UPDATE, params={"maxConcurrentPositions": 5})
    world.submit(halt)
    world.submit(START)
    world.controller.apply()
    after = "rejected" if halt is KILL else "applied"
    assert statuses(world)[1:] == [
        ("pause", "superseded"),
        ("resume", "superseded"),
        ("set_mode", "superseded"),
        ("update_config", "applied"),
        (str(halt), "applied"),
        ("start", after),
    ]
    assert {row["error_code"] for row in world.log() if row["status"] == "superseded"} == {"superseded"}


def test_a_stop_that_called_off_a_start_is_applied_to_a_stopped_bot(world: World) -> None:
    world.submit(START)
    stop = world.do(STOP)
    assert (stop.status, stop.from_state, stop.to_state) == (
        CommandStatus.APPLIED,
        BotState.STOPPED,
        BotState.STOPPED,
    )
    assert statuses(world) == [("start", "superseded"), ("stop", "applied")]
    assert world.do(STOP).status is CommandStatus.REJECTED, "there was nothing to stop this time"


def test_only_one_of_two_stops_has_called_the_start_off(world: World) -> None:
    for kind in (START, STOP, STOP):
        world.submit(kind)
    world.controller.apply()
    assert statuses(world) == [("start", "superseded"), ("stop", "applied"), ("stop", "rejected")]


@pytest.mark.parametrize("halt", [STOP, KILL])
def test_a_start_whose_row_is_committed_after_a_later_halt_was_applied_is_superseded(
    world: World, halt: CommandKind
) -> None:
    world.do(START)
    late = uuid4()
    with closing(world.connect()) as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bot_command (id, kind, actor, source) VALUES (%s, 'resume', 'x', 'api') RETURNING seq",
                [late],
            )
            seq = cursor.fetchone()["seq"]
        applied = world.do(halt)
        assert seq < applied.seq
        assert applied.status is CommandStatus.APPLIED
        if halt is KILL:
            world.do(REARM)
        connection.commit()
    world.controller.apply()
    assert world.command(late).status is CommandStatus.SUPERSEDED
    assert world.config.state is BotState.STOPPED


def test_a_command_issued_after_a_halt_is_not_called_off_by_it(world: World) -> None:
    world.do(START)
    world.do(STOP)
    assert world.do(START).status is CommandStatus.APPLIED


@pytest.mark.parametrize("kind", [START, RESUME, SET_MODE])
def test_what_moves_the_bot_expires_by_the_databases_clock(
    world: World, kind: CommandKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This process believes that it is 1970; nobody may ask it.
    monkeypatch.setattr(time, "time", lambda: 0.0)
    late = world.submit(kind, params={"mode": "paper"}, age=timedelta(seconds=30))
    in_time = world.submit(UPDATE, params={"maxConcurrentPositions": 4}, age=timedelta(days=1))
    world.controller.apply()
    command = world.command(late.id)
    assert (command.status, command.error_code) == (CommandStatus.EXPIRED, "expired")
    assert world.command(in_time.id).status is CommandStatus.APPLIED


@pytest.mark.parametrize("kind", [PAUSE, STOP, KILL, REARM, UPDATE, RECONCILE])
def test_what_makes_the_bot_safer_and_what_does_not_move_it_never_expires(
    world: World, kind: CommandKind
) -> None:
    assert world.submit(kind, age=timedelta(days=365)).expires_at is None


def test_a_start_just_before_its_expiry_is_applied(world: World) -> None:
    command = world.submit(START, age=timedelta(seconds=25))
    world.controller.apply()
    assert world.command(command.id).status is CommandStatus.APPLIED


def test_what_waits_for_evidence_lets_later_commands_pass(world: World) -> None:
    reconcile = world.submit(RECONCILE)
    start = world.submit(START)
    assert [command.id for command in world.controller.apply()] == [start.id]
    assert world.command(reconcile.id).pending


# -- notifications --------------------------------------------------------------------------------------------


def test_whoever_waits_is_told_when_a_command_is_committed_and_when_it_is_finished(world: World) -> None:
    with closing(world.connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("LISTEN pitboss_queued; LISTEN pitboss_finished")
            heard: list[tuple[str, str]] = []
            command = world.submit(START)
            world.controller.apply()

            def both() -> bool:
                connection.poll()
                heard.extend((note.channel, note.payload) for note in connection.notifies)
                connection.notifies.clear()
                return len(heard) >= 2

            wait_for(both, 5, "both notifications")
    assert heard == [
        ("pitboss_queued", f"{command.id} start"),
        ("pitboss_finished", f"{command.id} applied 1 running paper"),
    ]


def test_no_command_is_found_under_an_id_that_was_never_given(world: World) -> None:
    assert world.controller.find(UUID(int=0)) is None
