"""A kill is judged before it is in the log, and inserted as finished: all that follows from a finished command follows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from bot.access.verify_log import verify
from bot.commands import log, unlogged_kill
from bot.commands.controller import Controller
from bot.errors import Revoked
from bot.models import BotCommand
from bot.states import CommandKind, CommandStatus
from bot.storage import database
from bot.storage.database import Database
from bot.storage.locked_bot import LockedBot
from bot.storage.pipeline import Pipeline
from bot.storage.statements import COMMAND
from tests.bot.world import World
from tests.support.tables import WAIT_FOR_A_LOCK
from tests.support.waiting import wait_for

KILL, START = CommandKind.KILL, CommandKind.START


@pytest.fixture(autouse=True)
def _the_chain_is_whole(world: World, the_log_adds_up: None) -> Iterator[None]:
    yield
    assert verify(world.database).link == len(world.log())


def kill(world: World, **more: Any) -> BotCommand:
    return world.controller.kill(world.want(KILL, **more))


def test_whoever_waits_hears_how_a_kill_ended_and_nobody_hears_that_it_is_queued(world: World) -> None:
    with closing(world.connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("LISTEN pitboss_queued; LISTEN pitboss_finished")
        done = kill(world)
        after = world.do(START)
        heard: list[str] = []

        def both() -> bool:
            connection.poll()
            heard.extend(f"{note.channel} {note.payload}" for note in connection.notifies)
            connection.notifies.clear()
            return any(each.startswith(f"pitboss_finished {after.id} rejected") for each in heard)

        wait_for(both, 15, "the end of the command behind it")
    assert [each for each in heard if str(done.id) in each] == [
        f"pitboss_finished {done.id} applied 1 stopped paper"
    ]


def test_a_kill_is_counted_and_told_once(world: World) -> None:
    done = kill(world, reason="smoke")
    assert world.sql("SELECT kind, status FROM bot_command_uncounted") == [
        {"kind": "kill", "status": "applied"}
    ]
    (alert,) = world.sql("SELECT kind, facts FROM bot_alert")
    assert (alert["kind"], alert["facts"]["commandId"], alert["facts"]["revision"]) == (
        "killed",
        str(done.id),
        1,
    )


def test_what_a_kill_answers_is_what_the_log_has(world: World) -> None:
    done = kill(world, reason="smoke", idempotency_key="k", remote_addr="203.0.113.7", token_name="t")
    stored = world.command(done.id)
    said, kept = ({name: getattr(each, name) for name in COMMAND.names} for each in (done, stored))
    assert (said.pop("link"), said.pop("hash")) == (None, None)
    assert (kept.pop("link"), len(kept.pop("hash"))) == (1, 64)
    assert said == kept


def test_the_wait_for_the_lock_counts_as_time_that_a_kill_took(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_MS", 60_000)  # it is not to begin again
    with closing(Database.connect(world.settings)) as patient, world.lock_held() as holder:
        controller = Controller(patient, world.settings)
        killer = threading.Thread(target=controller.kill, args=(world.want(KILL),))
        killer.start()
        wait_for(lambda: world.sql(WAIT_FOR_A_LOCK), 15, "the kill's wait for the lock")
        (since,) = world.sql("SELECT clock_timestamp() AS at")
        holder.rollback()
        killer.join(60)
    (row,) = world.log()
    assert row["issued_at"] < since["at"] < row["finished_at"]


@pytest.mark.parametrize("kind", [KILL, START])
def test_a_key_that_is_taken_while_a_kill_is_judged_keeps_no_kill_from_its_effect(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: CommandKind
) -> None:
    write_row, others = unlogged_kill.write_row, [world.want(kind, idempotency_key="same")]

    def meanwhile(locked: LockedBot) -> None:
        write_row(locked)
        if others:
            world.controller.submit(others.pop())

    monkeypatch.setattr(unlogged_kill, "write_row", meanwhile)
    done = kill(world, idempotency_key="same")
    assert (done.status, world.config.killed) == (CommandStatus.APPLIED, True)
    world.controller.apply()
    found = [(row["kind"], row["status"], row["idempotency_key"]) for row in world.log()]
    assert found == ([] if kind is KILL else [("start", "superseded", "same")]) + [
        ("kill", "applied", "same" if kind is KILL else None)
    ]


def test_a_key_that_is_taken_for_good_is_no_matter_of_trying_again(world: World) -> None:
    tries = []

    def twice_the_same(batch: Pipeline) -> None:
        tries.append(1)
        batch.send("INSERT INTO bot_config (id) VALUES ('singleton')", decides=True)

    with pytest.raises(IntegrityError):
        world.database.batched(twice_the_same)
    assert len(tries) == 2


def test_a_kill_that_flattens_is_the_one_its_flatten_names(world: World) -> None:
    done = kill(world, params={"flatten": True})
    (flatten,) = world.sql("SELECT command_id::text AS id FROM bot_flatten")
    assert flatten["id"] == str(done.id)


def test_a_flatten_without_its_command_is_refused_at_the_commit(world: World) -> None:
    def only_the_flatten(batch: Pipeline) -> None:
        batch.send(
            "BEGIN",
            "INSERT INTO bot_flatten (command_id, mode) VALUES (gen_random_uuid(), 'paper')",
            "COMMIT",
            decides=True,
        )

    with pytest.raises(IntegrityError):
        world.database.batched(only_the_flatten)


def test_a_refused_command_is_in_the_log_as_refused_from_the_first(world: World) -> None:
    wanted = world.want(START)
    world.controller.submit_refused(wanted, Revoked())
    assert world.command(wanted.id).status is CommandStatus.REJECTED
    assert world.sql("SELECT kind, status FROM bot_command_uncounted") == [
        {"kind": "start", "status": "rejected"}
    ]
    assert world.sql("SELECT 1 FROM bot_alert") == []


def test_a_new_command_that_nobody_finished_is_in_the_log_as_queued(world: World) -> None:
    wanted = world.want(START)
    world.database.batched(lambda batch: LockedBot.take(batch, new=log.new_step(wanted)).commit())
    assert world.command(wanted.id).pending
    world.controller.apply()
    assert world.command(wanted.id).status is CommandStatus.APPLIED
