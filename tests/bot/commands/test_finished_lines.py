"""What the program's log says about commands, and when they are said to have ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from bot.commands import controller
from bot.errors import Revoked
from bot.states import CommandKind
from bot.storage import locked_bot
from tests.bot.world import World

START, KILL = CommandKind.START, CommandKind.KILL


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, controller.__name__):
        yield caplog


def test_each_finished_command_has_one_line_however_it_was_finished(
    world: World, lines: pytest.LogCaptureFixture
) -> None:
    ids = [world.do(START).id]
    ids.append(world.controller.kill(world.want(KILL)).id)
    revoked = world.want(START)
    world.controller.submit_refused(revoked, Revoked())
    found = [(each.getMessage(), vars(each)["command_id"]) for each in lines.records]
    assert found == [
        ("start applied", str(ids[0])),
        ("kill applied", str(ids[1])),
        (f"start rejected: {Revoked()}", str(revoked.id)),
    ]


def test_a_kill_that_stays_pending_is_told_of(
    world: World, lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked_bot, "evict_idle_lock_holders", lambda _: 0)
    monkeypatch.setattr(locked_bot, "LOCK_PATIENCE_SEC", 0.0)
    with world.lock_held():
        kill = world.controller.kill(world.want(KILL))
    assert [each.getMessage().partition(":")[0] for each in lines.records] == [f"kill {kill.id} is pending"]


def test_the_stop_of_a_worker_that_starts_does_not_end_before_it_began(world: World) -> None:
    world.do(START)
    world.set_config(enabled=False)
    world.controller.restore("worker-1")
    stop = world.log()[-1]
    assert (stop["kind"], stop["status"]) == ("stop", "applied")
    assert stop["issued_at"] <= stop["finished_at"]
    assert world.config.halted_at == stop["issued_at"]


def test_what_is_in_the_log_already_is_not_refused_a_second_time(world: World) -> None:
    wanted = world.want(START)
    world.controller.submit_refused(wanted, Revoked())
    before = world.log()
    world.controller.submit_refused(wanted, Revoked())
    assert world.log() == before
