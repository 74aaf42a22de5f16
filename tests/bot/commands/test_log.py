"""A command in the log once, whatever it is found by."""

from __future__ import annotations

import pytest

from bot.commands import log as command_log
from bot.errors import TooManyPending
from bot.states import MOST_PENDING, CommandKind
from tests.bot.world import World


@pytest.mark.parametrize("key", [None, "k"])
def test_the_same_command_put_there_twice_is_one_row(world: World, key: str | None) -> None:
    wanted = world.want(CommandKind.START, idempotency_key=key)
    first, second = world.controller.submit(wanted), world.controller.submit(wanted)
    assert first.id == second.id == wanted.id
    assert len(world.log()) == 1


@pytest.mark.parametrize("key", [None, "k"])
def test_no_key_gets_a_command_past_a_full_backlog(world: World, key: str | None) -> None:
    world.sql(
        "INSERT INTO bot_command (id, kind, actor, source)"
        " SELECT gen_random_uuid(), 'reconcile', 'x', 'api' FROM generate_series(1, %s)",
        [MOST_PENDING],
    )
    with pytest.raises(TooManyPending):
        world.submit(CommandKind.REARM, idempotency_key=key)


def test_the_right_to_gather_for_a_command_is_that_of_one_process(world: World) -> None:
    command = world.submit(CommandKind.RECONCILE)

    def claim() -> bool:
        return world.database.run(
            lambda session: command_log.claim_gathering(session, command.id, 20, world.settings)
        )

    assert claim()
    assert not claim()
