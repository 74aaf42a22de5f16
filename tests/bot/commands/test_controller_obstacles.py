"""Nothing keeps the controller from finishing a command: the same one again, many at once, poison, a lock that is held."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from bot.errors import IdempotencyConflict, LockBusy
from bot.states import BotState, CommandStatus
from bot.storage import locked_bot
from tests.bot.commands.kinds import KILL, PAUSE, REARM, RESUME, START, STOP, UPDATE
from tests.bot.world import World

pytestmark = pytest.mark.usefixtures("the_log_adds_up")


# -- idempotency ----------------------------------------------------------------------------------------------


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


# -- many at once ---------------------------------------------------------------------------------------------


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


# -- poison ---------------------------------------------------------------------------------------------------


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


# -- the lock -------------------------------------------------------------------------------------------------


def test_a_kill_gets_past_a_program_that_idles_while_it_holds_the_lock(world: World) -> None:
    with world.lock_held():
        kill = world.controller.kill(world.want(KILL))
    assert kill.status is CommandStatus.APPLIED


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
    assert locked.wait(15)
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
