"""A kill takes effect even when the log cannot be written, and its row follows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.commands import unlogged_kill
from bot.errors import DatabaseFull, Revoked
from bot.states import BotState, CommandKind, CommandStatus, Source
from tests.bot.world import World
from tests.support.invariants import violations

START, STOP, KILL, REARM = CommandKind.START, CommandKind.STOP, CommandKind.KILL, CommandKind.REARM

#: Where Postgres finds that there is no room, and what it says: the disk as a row is stored; the queue of notifications at the
#: commit, where a deferred trigger stands for it.
FULL = {
    "disk": (
        "CREATE TRIGGER zz_full BEFORE INSERT ON bot_command FOR EACH ROW EXECUTE FUNCTION zz_full('53100')",
        "53100",
    ),
    "notifications": (
        "CREATE CONSTRAINT TRIGGER zz_full AFTER INSERT ON bot_command DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION zz_full('54000')",
        "54000",
    ),
}


@pytest.fixture(params=FULL)
def full(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """A running bot whose log cannot be written; ``make_room`` of this file ends that."""
    world.do(START)
    trigger, _ = FULL[request.param]
    world.sql(
        "CREATE FUNCTION zz_full() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'there is no room' USING ERRCODE = TG_ARGV[0]; END $$;" + trigger
    )
    yield world
    make_room(world)


def make_room(world: World) -> None:
    world.sql("DROP TRIGGER IF EXISTS zz_full ON bot_command; DROP FUNCTION IF EXISTS zz_full()")


def test_a_kill_takes_effect_on_the_bots_row_alone(full: World) -> None:
    with pytest.raises(DatabaseFull):
        full.submit(STOP)
    kill = full.controller.kill(full.want(KILL, reason="enough"))
    assert (kill.status, kill.to_state, kill.revision) == (CommandStatus.APPLIED, BotState.STOPPED, None)
    config = full.config
    assert (config.state, config.enabled, config.killed, config.kill_reason) == (
        BotState.STOPPED,
        False,
        True,
        "enough",
    )
    assert config.revision == 1
    assert len(full.log()) == 1


def test_it_does_so_though_the_lock_is_busy(full: World) -> None:
    with full.lock_held():
        kill = full.controller.kill(full.want(KILL))
    assert (kill.status, kill.revision) == (CommandStatus.APPLIED, None)
    assert (full.config.state, full.config.killed) == (BotState.STOPPED, True)


def test_its_row_follows_when_there_is_room_and_the_log_adds_up(full: World) -> None:
    kill = full.controller.kill(full.want(KILL, reason="enough"))
    full.controller.kill(full.want(KILL, reason="again"))
    make_room(full)
    full.controller.apply()
    row = full.command(kill.id)
    assert (row.status, row.from_state, row.to_state) == (
        CommandStatus.APPLIED,
        BotState.RUNNING,
        BotState.STOPPED,
    )
    assert (row.revision, row.reason) == (2, "enough")
    assert full.config.unlogged_kill is None
    (config,) = full.sql("SELECT state, revision FROM bot_config")
    assert violations(full.log(), config) == []
    assert full.do(REARM).revision == 3


def test_the_same_kill_again_is_the_one_whose_row_was_missing(full: World) -> None:
    wanted = full.want(KILL, reason="enough")
    full.controller.kill(wanted)
    make_room(full)
    again = full.controller.kill(wanted)
    assert (again.id, again.status, again.revision) == (wanted.id, CommandStatus.APPLIED, 2)
    assert [(row["kind"], row["revision"]) for row in full.log()] == [("start", 1), ("kill", 2)]
    assert full.config.revision == 2


def test_it_is_not_refused_when_its_message_is_revoked(full: World) -> None:
    wanted = full.want(KILL)
    full.controller.kill(wanted)
    make_room(full)
    full.controller.submit_refused(wanted, Revoked())
    full.controller.apply()
    assert full.command(wanted.id).status is CommandStatus.APPLIED
    assert full.do(REARM).status is CommandStatus.APPLIED


def test_the_same_kill_is_in_the_log_before_its_row_follows_and_a_second_one_flattened(full: World) -> None:
    wanted = full.want(KILL)
    full.controller.kill(wanted)
    full.controller.kill(full.want(KILL, params={"flatten": True}))
    make_room(full)
    assert full.controller.submit(wanted).pending
    full.controller.apply()
    assert full.command(wanted.id).status is CommandStatus.APPLIED
    assert len(full.sql("SELECT 1 FROM bot_flatten")) == 1
    assert full.do(REARM).status is CommandStatus.APPLIED


def test_nothing_that_was_issued_before_it_takes_effect_after_it(full: World) -> None:
    make_room(full)
    start = full.submit(START)
    full.sql("UPDATE bot_config SET state = 'running'")
    trigger = (
        "CREATE TRIGGER zz_full BEFORE INSERT ON bot_command FOR EACH ROW EXECUTE FUNCTION zz_full('53100')"
    )
    full.sql(
        "CREATE FUNCTION zz_full() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'there is no room' USING ERRCODE = TG_ARGV[0]; END $$;" + trigger
    )
    full.controller.kill(full.want(KILL))
    make_room(full)
    full.do(REARM)
    assert full.command(start.id).status is CommandStatus.SUPERSEDED


def test_a_start_that_was_sent_before_it_and_arrives_after_a_rearm_is_called_off(full: World) -> None:
    sent_at = full.database.now()
    full.controller.kill(full.want(KILL))
    make_room(full)
    full.controller.apply()
    assert full.do(REARM).status is CommandStatus.APPLIED
    start = full.do(START, source=Source.CELERY, sent_at=sent_at)
    assert start.status is CommandStatus.SUPERSEDED
    assert full.config.state is BotState.STOPPED


def test_what_it_answers_and_what_its_row_keeps_is_what_was_asked_for(
    full: World, caplog: pytest.LogCaptureFixture
) -> None:
    asked: dict[str, Any] = {
        "reason": "enough",
        "params": {"flatten": True},
        "remote_addr": "203.0.113.7",
        "token_name": "desk",
        "sent_from": "gen1@host",
    }
    before = full.database.now()
    kill = full.controller.kill(full.want(KILL, **asked))
    assert before <= full.config.updated_at == kill.finished_at
    [line] = [vars(each) for each in caplog.records if each.name == unlogged_kill.__name__]
    assert (line["command_id"], line["kind"], line["actor"]) == (str(kill.id), "kill", "alice")
    assert kill.issued_at == kill.finished_at
    make_room(full)
    full.controller.apply()
    row = full.command(kill.id)
    assert {name: getattr(row, name) for name in asked} == asked
    for name in ("kind", "params", "actor", "source", "reason", "from_state", "to_state", "mode"):
        assert getattr(row, name) == getattr(kill, name), name
    assert row.finished_at is not None
    assert row.issued_at <= row.finished_at
    [flatten] = full.sql("SELECT command_id, mode FROM bot_flatten")
    assert (flatten["command_id"], flatten["mode"]) == (kill.id, "paper")


def test_a_second_one_without_a_reason_keeps_the_reason_and_the_flatten_of_the_first(full: World) -> None:
    first = full.controller.kill(full.want(KILL, reason="enough", params={"flatten": True}))
    full.controller.kill(full.want(KILL))
    assert full.config.kill_reason == "enough"
    make_room(full)
    full.controller.apply()
    assert full.command(first.id).params == {"flatten": True}
    assert len(full.sql("SELECT 1 FROM bot_flatten")) == 1


def test_parameters_that_no_flatten_can_be_made_of_keep_nobody_from_the_lock(full: World) -> None:
    kill = full.controller.kill(full.want(KILL, params={"flatten": "yes"}))
    make_room(full)
    full.controller.apply()
    assert full.do(REARM).status is CommandStatus.APPLIED
    assert full.command(kill.id).status is CommandStatus.APPLIED
    assert full.sql("SELECT 1 FROM bot_flatten") == []


def test_what_was_pending_before_it_is_called_off_by_its_number_where_its_clock_was_ahead(
    world: World,
) -> None:
    world.do(START)
    late = world.insert_command("start", issued_at=world.database.now() + timedelta(minutes=1))
    world.database.batched(lambda batch: unlogged_kill.take_effect(batch, world.want(KILL)))
    world.controller.apply()
    assert world.command(late).status is CommandStatus.SUPERSEDED
