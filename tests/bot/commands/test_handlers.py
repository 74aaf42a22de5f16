"""What the commands that are pending at one time do to each other, also when a clock was put back between them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import pytest

from bot.commands import mode_switch
from bot.states import BotState, CommandKind, CommandStatus, Mode
from tests.bot.world import World

#: A command was issued by a clock that was so far ahead, and put back before the next one.
AHEAD = timedelta(minutes=1)


def test_a_stop_that_called_off_a_start_is_applied_though_something_else_came_between(world: World) -> None:
    start = world.submit(CommandKind.START)
    world.submit(CommandKind.UPDATE_CONFIG, params={"maxConcurrentPositions": 5})
    stop = world.do(CommandKind.STOP)
    assert (world.command(start.id).status, stop.status) == (CommandStatus.SUPERSEDED, CommandStatus.APPLIED)


@pytest.mark.parametrize("first", [CommandKind.STOP, CommandKind.KILL])
def test_the_last_of_two_halts_calls_off_what_came_between_them_whatever_its_clock_said(
    world: World, first: CommandKind
) -> None:
    world.submit(first)
    between = world.insert_command("resume", issued_at=world.database.now() + AHEAD)
    world.do(CommandKind.STOP)
    assert world.command(between).status is CommandStatus.SUPERSEDED


@pytest.mark.parametrize("halt", [CommandKind.STOP, CommandKind.KILL])
def test_what_a_halt_overtook_is_called_off_by_its_number_where_its_clock_was_ahead(
    world: World, halt: CommandKind
) -> None:
    world.do(CommandKind.START)
    late = uuid4()
    with closing(world.connect()) as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bot_command (id, kind, actor, source, issued_at)"
                " VALUES (%s, 'start', 'x', 'api', clock_timestamp() + %s)",
                [late, AHEAD],
            )
        assert world.do(halt).status is CommandStatus.APPLIED
        connection.commit()
    world.controller.apply()
    assert world.command(late).status is CommandStatus.SUPERSEDED
    assert world.config.state is BotState.STOPPED


def test_what_was_read_for_a_switch_of_the_mode_answers_no_reconcile_that_waits(
    make_world: Callable[..., World],
) -> None:
    world = make_world(live=True)
    reconcile = world.submit(CommandKind.RECONCILE)
    switch = world.submit(CommandKind.SET_MODE, params={"mode": "live"})
    preflight = mode_switch.gather(world.database, world.settings, Mode.LIVE)
    world.controller.apply(evidence={switch.id: preflight})
    assert world.command(switch.id).error_code != "validation"
    assert not world.command(switch.id).pending
    assert world.command(reconcile.id).pending
    world.controller.apply(evidence={reconcile.id: world.gather()})
    assert world.command(reconcile.id).status is CommandStatus.APPLIED


def test_the_log_says_from_what_to_what_each_threshold_was_changed(world: World) -> None:
    changed = world.do(CommandKind.UPDATE_CONFIG, params={"maxConcurrentPositions": 5, "minWinRate": 0.5})
    assert changed.changes == {"maxConcurrentPositions": [3, 5]}
    again = world.do(CommandKind.UPDATE_CONFIG, params={"maxConcurrentPositions": 5})
    assert (again.status, again.changes) == (CommandStatus.APPLIED, None)
