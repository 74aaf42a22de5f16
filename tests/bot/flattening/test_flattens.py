"""The rows of flattens: which one is the last, and who may work on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from bot.flattening import flattens
from bot.states import Mode
from tests.bot.fake_account import FakeAccount
from tests.bot.world import World

FakeWorld = World[FakeAccount]


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


def test_the_last_one_is_the_one_that_was_started_last(world: FakeWorld) -> None:
    def start(command_id: UUID, at: datetime) -> None:
        def work(session: Session) -> None:
            flattens.cancel(session, at)
            session.flush()
            flattens.start(session, command_id, Mode.PAPER, None, at)

        world.database.run(work)

    ids = [world.insert_command("flatten") for _ in range(3)]
    now = world.database.now()
    for minutes, command_id in enumerate(ids):
        start(command_id, now + timedelta(minutes=minutes))
    last = world.database.read(flattens.latest)
    assert last is not None
    assert last.command_id == ids[2]


@pytest.mark.parametrize("ago", [6, -60])
def test_a_worker_that_was_seen_long_ago_or_before_the_clock_was_put_back_is_none(
    world: FakeWorld, ago: int
) -> None:
    world.sql(
        "INSERT INTO bot_worker (name, started_at, last_seen_at)"
        " VALUES ('w', now(), clock_timestamp() - make_interval(secs => %s))",
        [ago],
    )
    assert world.database.read(flattens.is_left_to_others)
