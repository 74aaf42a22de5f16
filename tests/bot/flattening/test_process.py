"""A flatten, round by round, against the sandbox: what each answer of the broker leads to."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.flattening import process
from bot.flattening.plan import ORDERS_LAG
from bot.flattening.process import Flattener
from bot.states import BotState, CommandKind
from tests.bot.flattening.scene import Scene
from tests.bot.world import World
from tests.support.waiting import wait_for

pytestmark = pytest.mark.first


def test_an_account_is_made_flat_and_its_fills_are_booked_by_force(scene: Scene) -> None:
    first = scene.holds("AAPL", "10")
    second = scene.holds("MSFT", "-4")
    scene.orders_limit("AAPL", "3")
    scene.orders_limit("GOOG", side="buy", price="1")
    assert scene.start().status == "applied"
    row = scene.until_flat()
    assert (row["orders_left"], row["positions_left"], row["error"]) == (0, [], None)
    assert scene.positions() == {}
    assert scene.traded("AAPL") == [10, -10]
    assert scene.traded("MSFT") == [-4, 4]
    scene.book()
    trades = scene.world.trades()
    assert {trades[each]["exit_reason"] for each in (first, second)} == {"force_close"}
    assert {trades[each]["status"] for each in (first, second)} == {"closed"}
    assert scene.booked_profit() == scene.cash_profit() != Decimal(0)
    assert scene.alerts()[0] == "flattening"
    assert "flat" in scene.alerts()


def test_a_stop_with_flatten_makes_a_stopped_bot_flat_and_one_without_has_nothing_to_do(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    assert scene.world.do(CommandKind.STOP).status == "rejected"
    stop = scene.world.do(CommandKind.STOP, params={"flatten": True})
    assert (stop.status, stop.from_state, stop.to_state) == ("applied", "stopped", "stopped")
    assert scene.until_flat()["command_id"] == stop.id
    assert scene.positions() == {}


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "lost_answer", "method": "DELETE", "path": "/v2/positions", "times": 1, "seconds": 1},
        {"kind": "timeout", "method": "DELETE", "path": "/v2/positions", "times": 1, "seconds": 1},
        {"kind": "refuse", "method": "DELETE", "path": "/v2/positions", "times": 1},
        {"kind": "429", "method": "DELETE", "path": "/v2/positions", "times": 1, "reset_after": 2},
        {"kind": "500", "method": "DELETE", "path": "/v2/positions", "times": 2},
        {"kind": "403", "method": "DELETE", "path": "/v2/positions", "times": 1},
        {"kind": "html", "method": "DELETE", "path": "/v2/positions", "times": 1},
        {"kind": "truncated", "method": "DELETE", "path": "/v2/positions", "times": 1},
        {"kind": "lost_answer", "method": "DELETE", "path": "/v2/orders", "times": 1, "seconds": 1},
        {"kind": "500", "method": "DELETE", "path": "/v2/orders", "times": 1},
        {"kind": "timeout", "path": "/v2/clock", "times": 1, "seconds": 1},
        {"kind": "empty", "method": "GET", "path": "/v2/positions", "times": 2},
        {"kind": "shorter", "method": "GET", "path": "/v2/positions", "times": 2},
        {"kind": "malformed_row", "method": "GET", "path": "/v2/positions", "times": 1},
        {"kind": "503", "path": "/v2", "times": 3},
    ],
    ids=lambda rule: "-".join(str(rule.get(name, "any")) for name in ("kind", "method", "path")),
)
def test_a_failing_answer_leads_to_no_second_sale(scene: Scene, rule: dict[str, Any]) -> None:
    scene.holds("AAPL", "10")
    scene.holds("MSFT", "5")
    scene.orders_limit("AAPL", "10")
    scene.account.fails(rule)
    scene.start()
    scene.until_flat()
    assert scene.positions() == {}
    assert scene.traded("AAPL") == [10, -10]
    assert scene.traded("MSFT") == [5, -5]
    scene.book()
    assert scene.booked_profit() == scene.cash_profit()


def test_a_position_that_is_still_shown_after_its_sale_is_not_sold_again(scene: Scene) -> None:
    scene.control("PUT", "", {"positions_lag_sec": 6, "values_lag": True})
    scene.holds("AAPL", "10")
    scene.start()
    scene.until_flat()
    assert scene.traded("AAPL") == [10, -10]
    assert len([order for order in scene.control("GET", "/orders") if order["side"] == "sell"]) == 1


def test_a_purchase_that_the_positions_do_not_show_yet_is_waited_for_and_sold(scene: Scene) -> None:
    scene.control("PUT", "", {"positions_lag_sec": 6, "values_lag": True})
    scene.call(
        "POST",
        "/v2/orders",
        {"symbol": "AAPL", "qty": "7", "side": "buy", "type": "market", "time_in_force": "day"},
    )
    scene.start()
    scene.until_flat()
    assert scene.positions() == {}
    assert sum(scene.traded("AAPL")) == 0


def test_a_halted_position_keeps_no_other_waiting_and_is_named(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.holds("MSFT", "5")
    scene.account.control("PUT", "/halts", ["AAPL"])
    scene.start()
    row = scene.until(
        lambda row: [each["symbol"] for each in row["positions_left"] or ()] == ["AAPL"], "MSFT is closed"
    )
    [left] = row["positions_left"]
    assert left["shares"] == "10"
    assert "halted" in left["error"]
    assert left["error"] in row["error"]
    assert row["state"] == "working"
    scene.account.control("PUT", "/halts", [])
    scene.until_flat()
    assert scene.traded("AAPL") == [10, -10]


def test_an_order_of_its_own_that_works_is_waited_for_and_not_cancelled(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.control("PUT", "", {"hold_fills": True})
    scene.start()
    row = scene.until(lambda row: row["closing_orders"], "an order was sent")
    for _ in range(3):
        row = scene.round()
    assert row["orders_left"] == 1
    assert [each["symbol"] for each in row["positions_left"]] == ["AAPL"]
    assert len(row["closing_orders"]) == 1
    scene.control("PUT", "", {"hold_fills": False})
    scene.until_flat()
    assert scene.traded("AAPL") == [10, -10]


def test_a_closed_market_is_told_and_waited_for_with_the_orders_cancelled(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.orders_limit("AAPL", "10")
    scene.account.control("PUT", "/clock", {"is_open": False})
    scene.start()
    row = scene.until(lambda row: row["state"] == "waiting_for_open", "waiting for the bell")
    assert row["orders_left"] == 0
    assert scene.traded("AAPL") == [10]
    assert scene.alerts() == ["flattening", "flatten_waits"]
    assert "flattening" in scene.reasons()
    scene.account.control("PUT", "/clock", {"is_open": True})
    scene.round()
    scene.until_flat()
    assert scene.traded("AAPL") == [10, -10]


def test_what_an_operator_ignores_is_not_touched(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.owner_trades("OWN", "6")
    scene.owner_trades("BOTH", "5")
    scene.ignores("OWN", "6")
    scene.ignores("BOTH", "2")
    order = scene.orders_limit("OWN", "6")
    scene.start()
    scene.until_flat()
    assert scene.positions() == {"OWN": 6, "BOTH": 2}
    assert scene.call("GET", f"/v2/orders/{order}")["status"] == "new"


def test_one_symbol_is_flattened_alone_until_another_is_asked_for_too(scene: Scene) -> None:
    for symbol in ("AAPL", "MSFT", "GOOG"):
        scene.holds(symbol, "10")
    scene.start(symbol="AAPL")
    scene.start(symbol="MSFT")
    assert scene.row()["symbols"] == ["AAPL", "MSFT"]
    scene.until_flat()
    assert scene.positions() == {"GOOG": 10}
    assert len(scene.world.sql("SELECT 1 FROM bot_flatten")) == 1


def test_an_empty_account_is_not_called_flat_before_orders_of_before_it_have_had_time_to_arrive(
    scene: Scene,
) -> None:
    scene.start()
    row = scene.until_flat()
    assert row["finished_at"] - row["started_at"] >= ORDERS_LAG


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
            lambda: scene.world.sql(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ),
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


def test_a_program_that_goes_on_trading_is_named_and_its_positions_are_closed(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.start()
    scene.until(lambda row: row["found_flat_at"], "nothing is left, for the first time")
    scene.world.sql("UPDATE bot_flatten SET started_at = started_at - interval '5 seconds'")
    scene.orders_limit("AAPL", "3", side="buy", price="1")
    row = scene.round()
    assert "a program trades although the gate is closed" in row["error"]
    assert row["found_flat_at"] is None
    scene.until_flat()
    assert scene.positions() == {}


def test_it_says_so_once_when_it_does_not_get_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STUCK_AFTER", timedelta(0))
    scene.holds("AAPL", "10")
    scene.account.control("PUT", "/halts", ["AAPL"])
    scene.start()
    for _ in range(4):
        scene.round()
    assert scene.alerts() == ["flattening", "flatten_stuck"]


def test_an_account_of_other_keys_is_left_alone(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.world.set_config(paper_account_id="another")
    scene.start()
    row = scene.round()
    assert "nothing is closed there" in row["error"]
    assert scene.positions() == {"AAPL": 10}


def test_a_fraction_of_a_share_is_closed(scene: Scene) -> None:
    scene.holds("AAPL", "0.4")
    scene.start()
    scene.until_flat()
    assert scene.positions() == {}


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
    scene.account.fails({"kind": "slow", "seconds": 2, "path": "/v2/clock"})
    scene.start()
    round_ = threading.Thread(target=scene.flattener.run)
    round_.start()
    began = scene.world.database.now()
    assert scene.world.do(CommandKind.KILL).status == "applied"
    took = scene.world.database.now() - began
    assert round_.is_alive(), "the broker answered before the kill was judged"
    round_.join()
    assert took < timedelta(seconds=2)


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


def test_the_reason_that_the_executor_gave_a_trade_stays(scene: Scene) -> None:
    trade = scene.holds("AAPL", "10")
    scene.world.sql("UPDATE bot_trade SET exit_reason = 'hard_stop'")
    scene.start()
    scene.until_flat()
    scene.book()
    assert scene.world.trades()[trade]["exit_reason"] == "hard_stop"


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
