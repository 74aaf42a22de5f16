"""How a flatten begins and ends by command: alone or with a halt, asked for again, cancelled, superseded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from bot.states import BotState, CommandKind
from tests.bot.flattening.scene import Scene
from tests.bot.world import World
from tests.support.tables import WAIT_FOR_A_LOCK
from tests.support.waiting import wait_for


def test_a_stop_with_flatten_makes_a_stopped_bot_flat_and_one_without_has_nothing_to_do(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    assert scene.world.do(CommandKind.STOP).status == "rejected"
    stop = scene.world.do(CommandKind.STOP, params={"flatten": True})
    assert (stop.status, stop.from_state, stop.to_state) == ("applied", "stopped", "stopped")
    assert scene.until_flat()["command_id"] == stop.id
    assert scene.positions() == {}


def test_one_symbol_is_flattened_alone_until_another_is_asked_for_too(scene: Scene) -> None:
    for symbol in ("AAPL", "MSFT", "GOOG"):
        scene.holds(symbol, "10")
    scene.start(symbol="AAPL")
    scene.start(symbol="MSFT")
    assert scene.row()["symbols"] == ["AAPL", "MSFT"]
    scene.until_flat()
    assert scene.positions() == {"GOOG": 10}
    assert len(scene.world.sql("SELECT 1 FROM bot_flatten")) == 1


def test_an_order_that_was_sent_while_it_was_asked_for_again_is_known_for_its_own(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.holds("AAPL", "10")
    scene.control("PUT", "", {"hold_fills": True})
    first = scene.start()
    mark = scene.flattener._mark

    def ask_again(*arguments: Any) -> None:
        monkeypatch.undo()
        mark(*arguments)
        assert scene.start().status == "applied"

    monkeypatch.setattr(scene.flattener, "_mark", ask_again)
    [sent] = scene.round()["closing_orders"]
    row = scene.round()
    assert (row["command_id"], row["error"], row["orders_left"]) == (first.id, None, 1)
    assert scene.call("GET", f"/v2/orders/{sent['id']}")["status"] not in ("canceled", "pending_cancel")
    scene.control("PUT", "", {"hold_fills": False})
    scene.until_flat()
    assert scene.traded("AAPL") == [10, -10]


def test_one_that_is_asked_for_while_another_is_found_done_is_a_new_one(scene: Scene) -> None:
    scene.start()
    with closing(scene.world.connect()) as reporting, ThreadPoolExecutor(1) as pool:
        with reporting.cursor() as cursor:
            cursor.execute("UPDATE bot_flatten SET state = 'flat', finished_at = clock_timestamp()")
        asked = pool.submit(scene.start)
        wait_for(
            lambda: scene.world.sql(WAIT_FOR_A_LOCK),
            10,
            "the second one waits for the report on the first",
        )
        reporting.commit()
        second = asked.result(20)
    row = scene.row()
    assert (row["command_id"], row["state"]) == (second.id, "working")
    assert len(scene.world.sql("SELECT 1 FROM bot_flatten")) == 2


def test_one_of_the_account_that_a_mode_switch_left_does_not_stand_for_the_other(scene: Scene) -> None:
    scene.start()
    scene.world.set_config(mode="live")
    second = scene.start()
    rows = scene.world.sql("SELECT command_id, mode, state FROM bot_flatten ORDER BY started_at")
    assert [(row["mode"], row["state"]) for row in rows] == [("paper", "cancelled"), ("live", "working")]
    assert rows[1]["command_id"] == second.id


def test_the_gate_is_closed_until_it_is_flat(scene: Scene) -> None:
    assert "flattening" not in scene.reasons()
    scene.start()
    assert "flattening" in scene.reasons()
    scene.until_flat()
    assert "flattening" not in scene.reasons()


def test_a_running_bot_is_paused(scene: Scene) -> None:
    scene.world.do(CommandKind.START)
    scene.start()
    assert scene.world.config.state is BotState.PAUSED


@pytest.mark.parametrize("kind", [CommandKind.KILL, CommandKind.STOP])
def test_a_halt_can_flatten_too(scene: Scene, kind: CommandKind) -> None:
    scene.holds("AAPL", "10")
    scene.world.do(CommandKind.START)
    command = scene.world.do(kind, params={"flatten": True})
    assert command.status == "applied"
    assert scene.row()["command_id"] == command.id
    scene.until_flat()
    assert scene.world.config.state is BotState.STOPPED
    assert scene.positions() == {}


def test_without_being_asked_a_halt_flattens_nothing(world: World) -> None:
    world.do(CommandKind.KILL)
    world.do(CommandKind.KILL, params={"flatten": False})
    assert world.sql("SELECT 1 FROM bot_flatten") == []


def test_a_cancelled_one_ends_and_takes_its_marks_off(scene: Scene) -> None:
    trade = scene.holds("AAPL", "10")
    scene.account.control("PUT", "/halts", ["AAPL"])
    scene.start()
    scene.round()
    assert scene.world.trades()[trade]["exit_reason"] == "force_close"
    assert scene.start(cancel=True).status == "applied"
    assert scene.row()["state"] == "cancelled"
    assert scene.world.trades()[trade]["exit_reason"] is None
    assert not scene.flattener.run()
    again = scene.start(cancel=True)
    assert (again.status, again.error) == (
        "rejected",
        "No flatten is at work, so there is nothing to cancel.",
    )


def test_a_halt_supersedes_an_end_that_was_asked_for_before_it(scene: Scene) -> None:
    scene.start()
    cancel = scene.world.submit(CommandKind.FLATTEN, params={"cancel": True})
    flatten = scene.world.submit(CommandKind.FLATTEN)
    scene.world.do(CommandKind.KILL)
    assert scene.world.command(cancel.id).status == "superseded"
    assert scene.world.command(flatten.id).status == "applied"
    assert scene.row()["state"] == "working"


@pytest.mark.parametrize(
    "params",
    [{"symbol": "no such"}, {"symbol": 3}, {"cancel": "yes"}, {"cancel": True, "symbol": "A"}, {"all": 1}],
)
def test_a_malformed_one_changes_nothing(scene: Scene, params: dict[str, Any]) -> None:
    command = scene.start(**params)
    assert (command.status, command.error_code) == ("rejected", "validation")
    assert scene.world.sql("SELECT 1 FROM bot_flatten") == []


def test_the_alert_of_a_kill_names_what_stays_open_unless_it_flattens(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.owner_trades("OWN", "3")
    scene.world.reconcile()
    scene.world.do(CommandKind.KILL)
    scene.world.do(CommandKind.KILL, params={"flatten": True})
    told = scene.world.sql(
        "SELECT facts -> 'staysOpen' AS open FROM bot_alert WHERE kind = 'killed' ORDER BY seq"
    )
    assert [each["open"] for each in told] == [["AAPL", "OWN"], None]
