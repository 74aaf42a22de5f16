"""What was issued before a stop or kill never takes effect after it: whichever way it came in, and whichever row came first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.commands import log
from bot.errors import TooManyPending
from bot.models import BotCommand
from bot.states import MOST_PENDING, BotState, CommandKind, CommandStatus, Source
from bot.status import gate
from bot.status.snapshot import snapshot
from tests.bot.commands.kinds import KILL, PAUSE, REARM, RECONCILE, RESUME, SET_MODE, START, STOP, UPDATE
from tests.bot.world import World

BEFORE, AHEAD = timedelta(seconds=5), timedelta(seconds=-300)

pytestmark = pytest.mark.usefixtures("the_log_adds_up")


def manual(world: World, kind: CommandKind, **more: Any) -> BotCommand:
    """A manual command, read and judged now; *age* is how long ago it was sent, without it it does not say when."""
    if kind is SET_MODE:
        more.setdefault("params", {"mode": "paper"})
    return world.do(kind, source=Source.CELERY, **more)


def halt_by_stop(world: World) -> None:
    world.do(START)
    assert world.do(STOP).status is CommandStatus.APPLIED


def halt_by_rejected_stop(world: World) -> None:
    assert world.do(STOP).status is CommandStatus.REJECTED


def halt_by_kill(world: World) -> None:
    world.controller.kill(world.want(KILL))
    world.do(REARM)


@pytest.mark.parametrize("halt", [halt_by_stop, halt_by_rejected_stop, halt_by_kill])
@pytest.mark.parametrize("kind", [START, PAUSE, RESUME, REARM, SET_MODE])
def test_what_was_sent_before_a_halt_and_read_after_it_is_superseded(
    world: World, kind: CommandKind, halt: Callable[[World], None]
) -> None:
    halt(world)
    before = world.config
    command = manual(world, kind, age=BEFORE)
    assert (command.status, command.error_code) == (CommandStatus.SUPERSEDED, "superseded")
    after = world.config
    assert (after.state, after.killed, after.revision) == (before.state, before.killed, before.revision)


def test_a_rearm_that_was_sent_before_a_kill_leaves_the_latch_on(world: World) -> None:
    world.controller.kill(world.want(KILL))
    assert manual(world, REARM, age=BEFORE).status is CommandStatus.SUPERSEDED
    assert world.config.killed


def test_what_is_sent_after_a_halt_is_applied(world: World) -> None:
    halt_by_kill(world)
    assert manual(world, START, age=timedelta(0)).status is CommandStatus.APPLIED


@pytest.mark.parametrize("kind", [START, RESUME, REARM, SET_MODE])
def test_what_does_not_say_when_it_was_sent_is_rejected(world: World, kind: CommandKind) -> None:
    command = manual(world, kind)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "send_time_missing")
    assert "celery -A worker call" in (command.error or "")


@pytest.mark.parametrize("kind", [START, RESUME, REARM, SET_MODE, UPDATE])
def test_what_was_sent_in_the_future_is_rejected(world: World, kind: CommandKind) -> None:
    command = manual(world, kind, age=AHEAD)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "send_time_in_future")
    assert command.error_details is not None
    assert 200 < command.error_details["aheadSec"] <= 300


def test_a_clock_that_is_a_little_ahead_is_put_up_with(world: World) -> None:
    assert manual(world, START, age=timedelta(seconds=-1)).status is CommandStatus.APPLIED


@pytest.mark.parametrize("age", [None, AHEAD])
@pytest.mark.parametrize("kind", [PAUSE, STOP, KILL])
def test_what_makes_the_bot_safer_is_never_kept_out_for_its_time(
    world: World, kind: CommandKind, age: timedelta | None
) -> None:
    world.do(START)
    command = manual(world, kind, age=age)
    assert command.status is CommandStatus.APPLIED
    assert command.issued_at <= world.database.now()


def test_old_thresholds_do_not_replace_newer_ones(world: World) -> None:
    world.do(UPDATE, params={"dailyLossLimitUsd": 300})
    old = manual(world, UPDATE, age=timedelta(hours=5), params={"dailyLossLimitUsd": 5000})
    assert (old.status, old.error_code) == (CommandStatus.SUPERSEDED, "superseded")
    assert "newer update_config" in (old.error or "")
    assert world.config.daily_loss_limit_usd == 300
    assert manual(world, UPDATE, age=timedelta(0), params={"dailyLossLimitUsd": 400}).revision == 2


def test_a_command_for_later_counts_as_issued_when_it_falls_due(world: World) -> None:
    now = world.database.now()
    sent = {"sent_at": now - timedelta(seconds=60), "due_at": now - timedelta(seconds=1)}
    assert manual(world, START, **sent).status is CommandStatus.APPLIED, "it has not expired"


def test_a_halt_in_between_calls_a_command_for_later_off(world: World) -> None:
    sent_at = world.database.now()
    halt_by_rejected_stop(world)
    command = manual(world, START, sent_at=sent_at, due_at=world.database.now())
    assert command.status is CommandStatus.SUPERSEDED


def test_a_start_that_is_asked_for_after_the_clock_was_put_back_is_applied(world: World) -> None:
    halt_by_stop(world)
    world.sql("UPDATE bot_config SET halted_at = clock_timestamp() + interval '1 hour'")
    assert world.do(START).status is CommandStatus.APPLIED
    world.do(STOP)
    assert manual(world, START, age=timedelta(0)).status is CommandStatus.APPLIED


def test_a_kill_is_judged_alone_and_what_it_supersedes_never_takes_effect(world: World) -> None:
    starts = [world.submit(START) for _ in range(450)]
    config = world.submit(UPDATE, params={"maxConcurrentPositions": 4})
    kill = world.controller.kill(world.want(KILL))
    assert (kill.status, kill.revision) == (CommandStatus.APPLIED, 1)
    assert len(world.controller.pending()) == 451
    world.do(REARM)
    assert {world.command(start.id).status for start in starts} == {CommandStatus.SUPERSEDED}
    assert world.command(config.id).status is CommandStatus.APPLIED
    assert world.config.state is BotState.STOPPED


def test_web_ends_what_a_kill_superseded_when_no_worker_does(world: World) -> None:
    start = world.submit(START)
    world.controller.kill(world.want(KILL))
    assert [command.id for command in world.controller.apply_overdue()] == [start.id]


def test_a_halt_far_behind_in_a_backlog_supersedes_the_start_in_front(world: World) -> None:
    start = world.submit(START)
    for _ in range(250):
        world.submit(UPDATE, params={"maxConcurrentPositions": 4})
    stop = world.submit(STOP)
    world.controller.apply()
    assert world.command(start.id).status is CommandStatus.SUPERSEDED
    assert not world.command(stop.id).pending
    assert {row["to_state"] for row in world.log()} <= {None, "stopped"}


def test_a_backlog_has_an_end_but_not_for_what_makes_the_bot_safer(world: World) -> None:
    world.do(START)
    world.sql(
        "INSERT INTO bot_command (id, kind, actor, source)"
        " SELECT gen_random_uuid(), 'reconcile', 'x', 'api' FROM generate_series(1, %s)",
        [MOST_PENDING],
    )
    with pytest.raises(TooManyPending):
        world.submit(REARM)
    assert world.do(PAUSE).status is CommandStatus.APPLIED
    assert world.do(STOP).status is CommandStatus.APPLIED
    assert world.controller.kill(world.want(KILL)).status is CommandStatus.APPLIED
    world.sql("UPDATE bot_command SET status = 'rejected', finished_at = now() WHERE status = 'queued'")
    assert world.do(REARM).status is CommandStatus.APPLIED


def test_a_kill_with_a_key_that_was_used_before_kills(world: World) -> None:
    def kill() -> BotCommand:
        return world.controller.kill(world.want(KILL, idempotency_key="k"))

    first = kill()
    assert kill().id == first.id, "it still holds"
    world.do(REARM)
    world.do(START)
    again = kill()
    assert (again.status, again.id != first.id) == (CommandStatus.APPLIED, True)
    assert (world.config.state, world.config.killed) == (BotState.STOPPED, True)


def test_a_kill_with_a_key_that_was_used_before_kills_though_the_lock_is_busy(world: World) -> None:
    first = world.controller.kill(world.want(KILL, idempotency_key="k"))
    world.do(REARM)
    world.do(START)
    with world.lock_held():
        again = world.controller.kill(world.want(KILL, idempotency_key="k"))
    assert (again.status, again.id != first.id) == (CommandStatus.APPLIED, True)
    assert (world.config.state, world.config.killed) == (BotState.STOPPED, True)


def test_a_kill_with_the_key_of_another_command_kills(world: World) -> None:
    world.do(START, idempotency_key="k")
    kill = world.controller.kill(world.want(KILL, idempotency_key="k", reason="enough"))
    assert kill.finished_at is not None
    assert kill.issued_at <= kill.finished_at, "it does not end before it began"
    assert (kill.status, kill.reason) == (CommandStatus.APPLIED, "enough")
    assert world.config.killed


def test_a_time_of_issue_never_changes(world: World) -> None:
    command = world.submit(START)
    with pytest.raises(Exception, match="never changes"):
        world.sql("UPDATE bot_command SET issued_at = now() WHERE id = %s", [str(command.id)])


def test_a_heartbeat_from_the_future_counts_for_nothing(world: World) -> None:
    world.sql(
        "INSERT INTO bot_worker (name, started_at, last_seen_at)"
        " VALUES ('gone', now(), clock_timestamp() + interval '1 hour')"
    )
    now = world.database.batched(snapshot)
    assert (now.worker_seen_at, now.worker_online) == (None, False)
    assert gate.Reason.WORKER_OFFLINE in gate.judge(now, world.settings).reasons


def test_a_right_to_gather_that_ends_in_the_future_counts_for_nothing(world: World) -> None:
    command = world.submit(RECONCILE)
    world.sql("UPDATE bot_command SET gathering_until = clock_timestamp() + interval '1 hour'")
    assert world.database.run(lambda session: log.claim_gathering(session, command.id, 20, world.settings))
