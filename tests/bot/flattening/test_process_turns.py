"""Which process makes the next round of a flatten, and that the bot's row is free while it asks the broker."""

from __future__ import annotations

import threading

from bot.flattening.process import Flattener
from bot.states import CommandKind
from tests.bot.flattening.scene import Scene
from tests.support.waiting import wait_for


def test_the_round_of_a_process_that_was_killed_is_taken_over_at_once(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.start()
    # what a process leaves that is killed between its call and its report
    scene.world.sql(
        "UPDATE bot_flatten SET leased_until = clock_timestamp() + interval '12 seconds', attempts = 1"
    )
    scene.call("DELETE", "/v2/positions/AAPL")
    assert scene.flattener.run()
    scene.until_flat()
    assert scene.traded("AAPL") == [10, -10]


def test_a_process_that_is_at_it_is_left_alone(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    command = scene.start()
    with scene.world.database.holding(command.id):
        scene.world.sql("UPDATE bot_flatten SET leased_until = clock_timestamp() + interval '12 seconds'")
        assert not scene.flattener.run()
    assert scene.row()["attempts"] == 0


def test_others_leave_it_to_a_worker_that_was_seen(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.start()
    other = Flattener(scene.world.database, scene.world.settings, is_worker=False)
    seen = "INSERT INTO bot_worker (name, started_at, last_seen_at) VALUES ('w', now(), clock_timestamp())"
    scene.world.sql(seen)
    assert not other.run()
    scene.world.sql("UPDATE bot_worker SET last_seen_at = clock_timestamp() - interval '6 seconds'")
    assert other.run()


def test_others_do_it_when_the_worker_that_was_seen_is_late(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.start()
    scene.world.sql(
        "INSERT INTO bot_worker (name, started_at, last_seen_at) VALUES ('w', now(), clock_timestamp())"
    )
    scene.world.sql("UPDATE bot_flatten SET next_round_at = clock_timestamp() - interval '6 seconds'")
    assert Flattener(scene.world.database, scene.world.settings, is_worker=False).run()


def test_no_lock_on_the_bots_row_is_held_while_the_broker_is_asked(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.account.fails({"kind": "slow", "seconds": 3.5, "path": "/v2/clock"})
    scene.start()
    round_ = threading.Thread(target=scene.flattener.run)
    round_.start()
    wait_for(lambda: "/v2/clock" in scene.account.calls(), 5, "the broker is asked")
    scene.world.sql("SELECT 1 FROM bot_config FOR UPDATE NOWAIT")
    assert scene.world.do(CommandKind.KILL).status == "applied"
    assert round_.is_alive(), "the broker has answered already"
    round_.join()
