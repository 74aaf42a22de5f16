"""Which commands wait for a second person, and how many of them at once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from bot.commands.approval import MOST_AWAITING
from bot.errors import ApprovalNeeded, NotToApprove, OwnCommand, TooManyPending
from bot.states import MOST_PENDING, CommandKind, CommandStatus, Source
from tests.bot.world import World


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(approvals="start,flatten")


def test_only_so_many_may_wait_at_once_and_what_makes_the_bot_safer_never_does(world: World) -> None:
    waiting = [world.submit(CommandKind.START) for _ in range(MOST_AWAITING)]
    assert {each.status for each in waiting} == {CommandStatus.AWAITING_APPROVAL}
    with pytest.raises(TooManyPending, match="wait for approval"):
        world.submit(CommandKind.START)
    kill = world.controller.kill(world.want(CommandKind.KILL, params={"flatten": True}))
    assert kill.status is CommandStatus.APPLIED
    world.controller.reject(waiting[0].id, "bob")
    assert world.submit(CommandKind.START).awaits_approval


def test_what_waits_for_approval_is_taken_however_many_are_pending(world: World) -> None:
    world.sql(
        "INSERT INTO bot_command (id, kind, actor, source)"
        " SELECT gen_random_uuid(), 'reconcile', 'x', 'api' FROM generate_series(1, %s)",
        [MOST_PENDING],
    )
    assert world.submit(CommandKind.START).awaits_approval
    with pytest.raises(TooManyPending):
        world.submit(CommandKind.REARM)


def test_the_flatten_before_the_close_waits_for_nobody(world: World) -> None:
    flatten = world.do(CommandKind.FLATTEN, source=Source.SYSTEM)
    assert flatten.status is CommandStatus.APPLIED


def test_a_message_is_no_way_around_and_leaves_nothing_behind(world: World) -> None:
    with pytest.raises(ApprovalNeeded):
        world.submit(CommandKind.START, source=Source.CELERY, sent_at=world.database.now())
    assert world.log() == []


def test_what_is_approved_has_the_lifetime_of_its_kind_from_then_on(world: World) -> None:
    start = world.submit(CommandKind.START)
    with pytest.raises(OwnCommand):
        world.controller.approve(start.id, start.actor)
    world.sql("UPDATE bot_command SET expires_at = clock_timestamp() + interval '1 s'")
    approved = world.controller.approve(start.id, "bob")
    assert approved.expires_at is not None
    assert approved.approved_at is not None
    assert 25 < (approved.expires_at - approved.approved_at).total_seconds() <= 31
    world.controller.apply()
    assert world.command(start.id).status is CommandStatus.APPLIED


def test_after_its_time_nobody_can_approve_it_even_before_it_is_finished(world: World) -> None:
    start = world.submit(CommandKind.START)
    world.sql("UPDATE bot_command SET expires_at = clock_timestamp()")
    with pytest.raises(NotToApprove, match="The time to approve it is over"):
        world.controller.approve(start.id, "bob")
    assert world.command(start.id).awaits_approval
    [ended] = world.controller.apply_overdue()
    assert (ended.id, ended.status) == (start.id, CommandStatus.EXPIRED)


def test_what_does_not_wait_or_does_not_exist_cannot_be_approved(world: World) -> None:
    start = world.submit(CommandKind.START)
    world.controller.approve(start.id, "bob")
    for command_id in (start.id, uuid4()):
        with pytest.raises(NotToApprove, match="No such command waits for approval"):
            world.controller.approve(command_id, "carol")


def test_what_does_not_wait_or_does_not_exist_cannot_be_rejected(world: World) -> None:
    start = world.submit(CommandKind.START)
    other = world.submit(CommandKind.START)
    world.controller.approve(start.id, "bob")
    for command_id in (start.id, uuid4()):
        with pytest.raises(NotToApprove, match="No such command waits for approval"):
            world.controller.reject(command_id, "carol")
    assert world.command(start.id).pending
    assert world.command(other.id).awaits_approval
