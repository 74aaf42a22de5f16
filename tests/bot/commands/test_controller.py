"""The controller: every pending command is finished, once, in order, whoever comes and whatever lies in the way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.errors import IdempotencyConflict, LockBusy
from bot.models import Trigger
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source
from bot.storage import locked_bot
from tests.bot.world import World
from tests.support.invariants import violations
from tests.support.waiting import wait_for

START, PAUSE, RESUME = CommandKind.START, CommandKind.PAUSE, CommandKind.RESUME
STOP, KILL, REARM = CommandKind.STOP, CommandKind.KILL, CommandKind.REARM
SET_MODE, UPDATE, RECONCILE = CommandKind.SET_MODE, CommandKind.UPDATE_CONFIG, CommandKind.RECONCILE


@pytest.fixture(autouse=True)
def _the_log_adds_up(world: World) -> Any:
    yield
    (config,) = world.sql("SELECT state, revision FROM bot_config")
    assert violations(world.log(), config) == []


def statuses(world: World) -> list[tuple[str, str]]:
    return [(row["kind"], row["status"]) for row in world.log()]


# -- one command ------------------------------------------------------------------------------------------------


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


# -- many commands ----------------------------------------------------------------------------------------------


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


# -- idempotency ------------------------------------------------------------------------------------------------


def test_the_same_key_from_the_same_actor_is_the_same_command(world: World) -> None:
    wanted = {"idempotency_key": "k", "reason": "r"}
    first = world.submit(START, **wanted)
    world.controller.apply()
    again = world.submit(START, **wanted)
    assert (again.id, again.status) == (first.id, CommandStatus.APPLIED)
    assert world.submit(START, **wanted, actor="bob").id != first.id
    assert len(world.log()) == 2


@pytest.mark.parametrize("other", [{"kind": STOP}, {"reason": "another"}, {"params": {"a": 1}}])
def test_the_same_key_for_something_else_is_a_conflict(world: World, other: dict[str, Any]) -> None:
    first = world.submit(START, idempotency_key="k")
    with pytest.raises(IdempotencyConflict) as caught:
        world.submit(**{"kind": START, "idempotency_key": "k", **other})
    assert caught.value.details == {"commandId": str(first.id)}
    assert len(world.log()) == 1


def test_twenty_of_the_same_key_at_once_are_one_command(world: World) -> None:
    with ThreadPoolExecutor(20) as threads:
        commands = list(threads.map(lambda _: world.submit(KILL, idempotency_key="k"), range(20)))
    assert len({command.id for command in commands}) == 1
    assert len(world.log()) == 1


def test_the_same_id_again_is_harmless(world: World) -> None:
    wanted = world.want(KILL)
    assert world.controller.submit(wanted).id == world.controller.kill(wanted).id == wanted.id
    assert world.controller.kill(wanted).revision == 1


# -- many at once -----------------------------------------------------------------------------------------------


def test_twenty_drainers_at_once_leave_revisions_without_a_gap(
    make_world: Callable[..., World], world: World
) -> None:
    kinds = (START, PAUSE, RESUME, STOP, KILL, REARM, UPDATE)
    together = threading.Barrier(20)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        together.wait()
        for _ in range(10):
            kind = chance.choice(kinds)
            params = {"maxConcurrentPositions": chance.randint(1, 9)} if kind is UPDATE else {}
            wanted = world.want(kind, params=params, actor=f"w{seed}")
            if kind is KILL and chance.random() < 0.5:
                world.controller.kill(wanted)
            else:
                world.controller.submit(wanted)
                world.controller.apply()

    with ThreadPoolExecutor(20) as threads:
        for done in [threads.submit(work, seed) for seed in range(20)]:
            done.result()
    assert len(world.log()) == 200
    assert {row["status"] for row in world.log()} <= {"applied", "rejected", "superseded"}
    assert world.config.revision > 20


# -- poison -----------------------------------------------------------------------------------------------------

POISON: list[tuple[str, Any]] = [
    ("set_mode", {}),
    ("set_mode", None),
    ("set_mode", []),
    ("set_mode", "live"),
    ("set_mode", {"mode": 7}),
    ("set_mode", {"mode": ["live"]}),
    ("set_mode", {"mode": {"live": True}}),
    ("set_mode", {"mode": "margin"}),
    ("update_config", {}),
    ("update_config", None),
    ("update_config", [1]),
    ("update_config", "x"),
    ("update_config", {"positionSizeUsd": [[]]}),
    ("update_config", {"enabledCatalystTiers": {"1": 2}}),
    ("update_config", {"state": "running"}),
    ("update_config", {"positionSizeUsd": 10**40}),
    ("update_config", {"": {"": {"": None}}}),
    ("start", [1, 2]),
    ("hibernate", {"deep": True}),
    ("", None),
    ("KILL", {}),
]


def test_a_command_that_makes_no_sense_never_keeps_a_kill_waiting(world: World) -> None:
    poisoned = [world.insert_command(kind, params) for kind, params in POISON]
    poisoned.append(world.insert_command("start", {}, source="telepathy"))
    kill = world.controller.kill(world.want(KILL))
    assert (kill.status, world.config.killed) == (CommandStatus.APPLIED, True)
    world.controller.apply()
    assert world.controller.pending() == []
    for command_id in poisoned:
        command = world.command(command_id)
        assert command.status in ("rejected", "superseded"), command.kind


@pytest.mark.parametrize(("kind", "params"), POISON)
def test_a_command_that_makes_no_sense_is_rejected_with_a_sentence(
    world: World, kind: str, params: Any
) -> None:
    command_id = world.insert_command(kind, params)
    world.controller.apply()
    command = world.command(command_id)
    if kind == "start":
        assert command.status is CommandStatus.APPLIED, "what start was sent along does not matter to it"
        return
    assert command.status is CommandStatus.REJECTED
    assert command.error_code in ("validation", "invalid_transition")
    assert command.error
    assert world.config.state is BotState.STOPPED


def test_a_number_that_no_float_can_hold_is_rejected(world: World) -> None:
    command_id = uuid4()
    world.sql(
        "INSERT INTO bot_command (id, kind, actor, source, params)"
        " VALUES (%s, 'update_config', 'x', 'api', '{\"positionSizeUsd\": 1e400}')",
        [command_id],
    )
    world.controller.apply()
    assert world.command(command_id).error_code == "validation"


# -- the lock ---------------------------------------------------------------------------------------------------


def test_a_kill_gets_past_a_program_that_idles_while_it_holds_the_lock(world: World) -> None:
    with world.lock_held():
        began = time.monotonic()
        kill = world.controller.kill(world.want(KILL))
        took = time.monotonic() - began
    assert kill.status is CommandStatus.APPLIED
    print(f"\nkill past an idle holder of the lock: {took:.2f} s")
    assert took < 3


def test_a_kill_waits_for_a_program_that_works_while_it_holds_the_lock(world: World) -> None:
    released = threading.Event()

    def work() -> None:
        with closing(world.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM bot_config FOR UPDATE")
            locked.set()
            cursor.execute("SELECT pg_sleep(1.3)")
            connection.commit()
            released.set()

    locked = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    assert locked.wait(5)
    kill = world.controller.kill(world.want(KILL))
    assert kill.status is CommandStatus.APPLIED
    thread.join()
    assert released.is_set(), "nobody who works is thrown out"


def test_a_command_whose_lock_cannot_be_had_is_durable_and_pending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked_bot, "evict_idle_lock_holders", lambda _: 0)
    monkeypatch.setattr(locked_bot, "LOCK_PATIENCE_SEC", 0.0)
    with world.lock_held():
        kill = world.controller.kill(world.want(KILL))
        assert kill.pending
        with pytest.raises(LockBusy):
            world.controller.apply()
    world.controller.apply()
    assert world.command(kill.id).status is CommandStatus.APPLIED


# -- tend -------------------------------------------------------------------------------------------------------


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


# -- restore ----------------------------------------------------------------------------------------------------


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


# -- notifications ----------------------------------------------------------------------------------------------


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
