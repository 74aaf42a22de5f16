"""A flatten, round by round, against the sandbox: what each answer of the broker leads to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.flattening import process
from bot.flattening.plan import ORDERS_LAG
from tests.bot.flattening.scene import Scene

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


def test_an_empty_account_is_not_called_flat_before_orders_of_before_it_have_had_time_to_arrive(
    scene: Scene,
) -> None:
    scene.start()
    row = scene.until_flat()
    assert row["finished_at"] - row["started_at"] >= ORDERS_LAG


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


def test_the_reason_that_the_executor_gave_a_trade_stays(scene: Scene) -> None:
    trade = scene.holds("AAPL", "10")
    scene.world.sql("UPDATE bot_trade SET exit_reason = 'hard_stop'")
    scene.start()
    scene.until_flat()
    scene.book()
    assert scene.world.trades()[trade]["exit_reason"] == "hard_stop"
