"""New orders are rejected at the broker while the bot is killed, if that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from bot.flattening.suspension import Change, Suspender
from bot.models import Trigger
from bot.states import CommandKind
from tests.bot.flattening.scene import Scene
from tests.bot.world import World


@pytest.fixture
def scene(make_world: Callable[..., World]) -> Scene:
    return Scene(make_world(kill_suspends_trading=True))


def suspender(scene: Scene) -> Suspender:
    return Suspender(scene.world.database, scene.world.settings, is_worker=True)


def is_suspended(scene: Scene) -> bool:
    return bool(scene.call("GET", "/v2/account/configurations")["suspend_trade"])


def test_a_kill_suspends_and_rearm_takes_it_off(scene: Scene) -> None:
    assert not suspender(scene).run()
    scene.world.do(CommandKind.KILL)
    assert suspender(scene).run()
    assert is_suspended(scene)
    assert not suspender(scene).run()
    scene.world.do(CommandKind.REARM)
    assert suspender(scene).run()
    assert not is_suspended(scene)
    assert not suspender(scene).run()


def test_it_waits_for_the_flatten_that_a_kill_asked_for(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.world.do(CommandKind.KILL, params={"flatten": True})
    assert not suspender(scene).run()
    scene.until_flat()
    assert suspender(scene).run()
    assert is_suspended(scene)


def test_it_is_lifted_for_a_flatten_that_comes_later_and_set_again_after_it(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.world.do(CommandKind.KILL)
    suspender(scene).run()
    scene.start()
    assert suspender(scene).run()
    assert not is_suspended(scene)
    scene.until_flat()
    assert scene.positions() == {}
    assert suspender(scene).run()
    assert is_suspended(scene)


def test_what_was_traded_before_is_booked_while_it_lasts(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.world.do(CommandKind.KILL, params={"flatten": True})
    scene.until_flat()
    suspender(scene).run()
    scene.book()
    assert scene.booked_profit() == scene.cash_profit()


def test_a_rearm_finds_the_books_in_agreement_while_the_suspension_is_still_to_be_taken_off(
    scene: Scene,
) -> None:
    scene.world.do(CommandKind.KILL)
    suspender(scene).run()
    scene.world.do(CommandKind.REARM)
    scene.world.do(CommandKind.START)
    assert is_suspended(scene)
    assert scene.world.reconcile(Trigger.PERIODIC).error is None
    assert scene.world.reconciled()
    assert suspender(scene).run()
    assert scene.world.reconcile(Trigger.PERIODIC).error is None


def test_a_suspension_that_cannot_be_taken_off_is_told(scene: Scene) -> None:
    scene.world.do(CommandKind.KILL)
    suspender(scene).run()
    scene.world.do(CommandKind.REARM)
    scene.account.fails({"kind": "500", "path": "/v2/account/configurations", "times": 1})
    assert suspender(scene).run()
    assert scene.world.reconcile(Trigger.PERIODIC).error_code == "account_blocked"
    assert not scene.world.reconciled()


def test_an_attempt_that_fails_or_whose_process_dies_is_made_again(scene: Scene) -> None:
    scene.world.do(CommandKind.KILL)
    scene.account.fails({"kind": "500", "path": "/v2/account/configurations", "times": 1})
    assert suspender(scene).run()
    [row] = scene.world.sql("SELECT * FROM bot_suspension")
    assert row["suspended_at"] is None
    assert "500" in row["error"]
    assert not suspender(scene).run(), "it waits a moment"
    scene.world.sql("UPDATE bot_suspension SET next_attempt_at = clock_timestamp()")
    assert suspender(scene).run()
    assert is_suspended(scene)


def test_without_the_setting_a_kill_leaves_the_account_alone(world: World) -> None:
    scene = Scene(world)
    world.do(CommandKind.KILL)
    assert not suspender(scene).run()
    assert not is_suspended(scene)


def test_the_account_of_the_mode_is_suspended_and_only_the_one_that_it_is_bound_to(
    make_world: Callable[..., World],
) -> None:
    world = make_world(live=True, kill_suspends_trading=True)
    scene = Scene(world)
    assert world.live is not None
    live_account = world.live.is_(id=str(uuid4()))["id"]
    world.set_config(mode="live", paper_account_id=str(uuid4()), live_account_id=str(uuid4()))
    world.do(CommandKind.KILL)
    assert suspender(scene).run()
    [row] = world.sql("SELECT * FROM bot_suspension")
    assert (row["mode"], row["suspended_at"]) == ("live", None)
    assert "another account than the bound one" in row["error"]

    world.set_config(live_account_id=live_account)
    world.sql("UPDATE bot_suspension SET next_attempt_at = clock_timestamp()")
    assert suspender(scene).run()
    assert not is_suspended(scene), "the paper account is left alone"
    scene.account = world.live
    assert is_suspended(scene)


def test_two_processes_do_not_change_it_at_one_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.world.do(CommandKind.KILL)
    one, other = suspender(scene), suspender(scene)
    make, meanwhile = one._make, []

    def make_slowly(change: Change) -> None:
        meanwhile.append(other.run())
        make(change)

    monkeypatch.setattr(one, "_make", make_slowly)
    assert one.run()
    assert meanwhile == [False]
    assert is_suspended(scene)
