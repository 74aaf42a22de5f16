"""The lock on the bot's one row, also where somebody has deleted the row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg2 import errors

from bot.errors import DatabaseUnavailable, Killed
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source
from bot.status import snapshot as status
from bot.storage import statements
from bot.storage.locked_bot import LockedBot
from bot.storage.pipeline import BEGIN, Pipeline, Step
from tests.bot.world import World
from tests.support.invariants import violations

GONE = "DELETE FROM bot_config"


def check_log(world: World) -> None:
    config = world.sql("SELECT state, revision FROM bot_config")[0]
    assert violations(world.log(), config) == []


def steps_one_by_one(monkeypatch: pytest.MonkeyPatch, before_reading: Callable[[], object]) -> None:
    """Each step in a message of its own, which is the same to Postgres, with something between lock and read, once."""
    send, between = Pipeline.send, [before_reading]

    def one_by_one(batch: Pipeline, *steps: Step, **more: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for step in steps:
            if not isinstance(step, str) and step[0] is statements.READ_LOCKED and between:
                between.pop()()
            rows = send(batch, step, **more)
        return rows

    monkeypatch.setattr(Pipeline, "send", one_by_one)


def test_a_row_that_is_made_between_the_lock_and_the_read_is_locked_before_it_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sql(GONE)
    steps_one_by_one(monkeypatch, lambda: world.sql("INSERT INTO bot_config (revision) VALUES (7)"))

    def take(batch: Pipeline) -> None:
        assert LockedBot.take(batch).config.revision == 7
        with pytest.raises(errors.LockNotAvailable):
            world.sql("SELECT 1 FROM bot_config FOR UPDATE NOWAIT")
        batch.send("ROLLBACK")

    world.database.batched(take)


def test_that_a_row_was_locked_is_forgotten_with_the_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_twice(batch: Pipeline) -> None:
        LockedBot.take(batch).commit()
        assert batch.send(BEGIN, statements.READ_LOCKED(0, None)) == []
        batch.send("ROLLBACK")

    world.database.batched(take_twice)


def by_a_command(world: World) -> None:
    world.controller.apply(look_first=False)


def by_a_reader(world: World) -> None:
    world.database.batched(status.snapshot)


@pytest.mark.parametrize("find_it_gone", [by_a_command, by_a_reader])
def test_a_row_that_was_deleted_comes_back_killed_and_goes_on_with_the_logs_revisions(
    world: World, find_it_gone: Callable[[World], None]
) -> None:
    world.do(CommandKind.UPDATE_CONFIG, params={"dailyLossLimitUsd": 100})
    world.do(CommandKind.START)
    world.do(CommandKind.PAUSE)
    world.sql(GONE)
    find_it_gone(world)

    assert (world.config.state, world.config.enabled, world.config.revision) == (BotState.STOPPED, False, 4)
    assert world.config.killed
    assert not world.reconciled()
    assert world.retry_in_sec() <= 0, "nobody would reconcile before a worker is restarted"
    last = world.log()[-1]
    assert (last["kind"], last["source"], last["status"]) == (
        CommandKind.KILL,
        Source.SYSTEM,
        CommandStatus.APPLIED,
    )
    assert last["reason"] == world.config.kill_reason == statements.ROW_WAS_GONE
    told = world.sql("SELECT facts FROM bot_alert WHERE kind = 'killed'")
    assert [each["facts"]["commandId"] for each in told] == [str(last["id"])]
    check_log(world)

    refused = world.do(CommandKind.START)
    assert (refused.status, refused.error_code) == (CommandStatus.REJECTED, Killed.code)
    assert world.do(CommandKind.REARM).revision == 5
    assert world.do(CommandKind.START).revision == 6
    check_log(world)


def test_the_mode_of_a_row_that_was_deleted_is_that_of_the_log(make_world: Callable[..., World]) -> None:
    world = make_world(live=True, market_hours="nyse")
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED
    world.sql(GONE)
    by_a_command(world)
    assert world.config.mode is Mode.LIVE
    check_log(world)


def test_a_start_from_before_the_row_was_deleted_is_called_off(world: World) -> None:
    world.do(CommandKind.KILL)
    world.do(CommandKind.REARM)
    start = world.submit(CommandKind.START)
    world.sql(GONE)
    by_a_command(world)
    assert world.command(start.id).status is CommandStatus.SUPERSEDED
    check_log(world)


def test_a_row_that_cannot_be_made_is_a_sentence_and_changes_nothing(world: World) -> None:
    world.sql(GONE)
    world.sql(
        "CREATE FUNCTION no_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER no_row BEFORE INSERT ON bot_config FOR EACH ROW EXECUTE FUNCTION no_row()"
    )
    try:
        with pytest.raises(DatabaseUnavailable, match="bot_config is gone and cannot be made"):
            world.controller.kill(world.want(CommandKind.KILL))
        assert world.log() == []
    finally:
        world.sql("DROP TRIGGER no_row ON bot_config; DROP FUNCTION no_row")
