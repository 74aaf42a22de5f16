"""A second client, of another language: Alpaca's own for JavaScript, unmodified, takes the sandbox for Alpaca."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.server import Server
from tests.tools.sandbox.client import KEY, SECRET, Http
from tests.tools.sandbox.javascript import AlpacaJs, Refused


@pytest.fixture
def js(server: Server) -> Iterator[AlpacaJs]:
    client = AlpacaJs(server.url, KEY, SECRET)
    yield client
    client.close()


def buy(**more: Any) -> dict[str, Any]:
    return {"symbol": "AAPL", "side": "buy", "qty": 1, **more}


def test_it_buys_holds_and_sells(js: AlpacaJs, http: Http) -> None:
    http.put("/prices", {"AAPL": "187.5"})
    assert js("validateConnection")["ok"]
    order = js("orders.market", buy(qty=10, clientOrderId="trade-1"))
    assert (order["status"], order["filledQty"], order["clientOrderId"]) == ("pending_new", "0", "trade-1")
    seen = js("orders.getOrderByOrderID", {"orderId": order["id"]})
    assert (seen["status"], seen["filledQty"], seen["filledAvgPrice"]) == ("filled", "10", "187.5")
    assert js("orders.getOrderByClientOrderId", {"clientOrderId": "trade-1"})["id"] == order["id"]
    [position] = js("positions.getAllOpenPositions")
    assert (position["symbol"], position["qty"], position["side"]) == ("AAPL", "10", "long")
    assert position["assetId"] == js("assets.getV2AssetsSymbolOrAssetId", {"symbolOrAssetId": "AAPL"})["id"]

    http.put("/prices", {"AAPL": "190"})
    js("positions.deleteOpenPosition", {"symbolOrAssetId": "AAPL", "qty": 4})
    assert js("positions.getOpenPosition", {"symbolOrAssetId": "AAPL"})["qty"] == "6"
    [closed] = js("closeAllPositions", {"cancelOrders": True})
    assert (closed["symbol"], closed["status"]) == ("AAPL", 200)
    assert js("positions.getAllOpenPositions") == []
    assert js("account.getAccount")["cash"] == "100025"
    # its getAccountActivitiesByActivityType keeps no price of a fill: findings/npm_alpaca_fills_without_price.sh
    fills = js("accountActivities.getAccountActivities", {"activityTypes": ["FILL"]})
    assert [(each["side"], each["qty"], each["price"]) for each in fills] == [
        ("sell", "6", "190"),
        ("sell", "4", "190"),
        ("buy", "10", "187.5"),
    ]


def test_orders_of_each_kind_work_are_replaced_and_are_canceled(js: AlpacaJs, http: Http) -> None:
    http.put("/prices", {"AAPL": "100"})
    resting = js("orders.limit", buy(qty=3, limitPrice="90.5", timeInForce="gtc"))
    stop = js("orders.stop", buy(stopPrice=120))
    both = js("orders.stopLimit", buy(stopPrice=120, limitPrice=121))
    amount = js("orders.market", {"symbol": "AAPL", "side": "buy", "notional": "50"})
    assert (amount["notional"], amount.get("qty")) == ("50", None)
    assert {each["id"] for each in js("orders.getAllOrders", {"symbols": ["AAPL"]})} == {
        resting["id"],
        stop["id"],
        both["id"],
    }
    changes = {"limitPrice": "91", "clientOrderId": "again"}
    successor = js("orders.patchOrderByOrderId", {"orderId": resting["id"], "patchOrderRequest": changes})
    assert (successor["replaces"], successor["limitPrice"], successor["qty"]) == (resting["id"], "91", "3")
    replaced = js("orders.getOrderByOrderID", {"orderId": resting["id"]})
    assert (replaced["status"], replaced["replacedBy"]) == ("replaced", successor["id"])

    assert js("orders.deleteOrderByOrderID", {"orderId": stop["id"]}) is None
    canceled = js("orders.deleteAllOrders")
    assert {each["id"]: each["status"] for each in canceled} == {successor["id"]: 200, both["id"]: 200}
    closed = js("orders.getAllOrders", {"status": "closed", "limit": 2, "direction": "asc"})
    assert [each["status"] for each in closed] == ["replaced", "canceled"]


def test_it_reads_the_clock_and_the_calendar(js: AlpacaJs, http: Http) -> None:
    http.put("/clock", {"is_open": False})
    clock = js("clock.legacyClock")
    assert (clock["isOpen"], clock["nextOpen"] < clock["nextClose"]) == (False, True)
    days = js("calendar.legacyCalendar", {"start": "2026-11-26T00:00:00Z", "end": "2026-11-27T00:00:00Z"})
    assert [(each["date"], each["close"]) for each in days] == [("2026-11-27T00:00:00.000Z", "13:00")]


def test_it_understands_each_refusal(js: AlpacaJs, http: Http) -> None:
    order = js("orders.market", buy())
    calls: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
        ("positions.getOpenPosition", {"symbolOrAssetId": "TSLA"}, ("NotFoundError", 404, 40410000)),
        ("orders.deleteOrderByOrderID", {"orderId": order["id"]}, ("ValidationError", 422, 42210000)),
        ("orders.market", buy(qty=10**6), ("PermissionError", 403, 40310000)),
    ]
    js("orders.getOrderByOrderID", {"orderId": order["id"]})
    for call, given, expected in calls:
        with pytest.raises(Refused) as refusal:
            js(call, given)
        assert (refusal.value.name, refusal.value.status, refusal.value.code) == expected, call


def test_it_reads_again_after_a_fault_and_sends_nothing_twice(js: AlpacaJs, http: Http) -> None:
    http.positions(AAPL=10)
    http.faults({"kind": "503", "path": "/v2/positions", "method": "GET", "times": 1})
    assert [each["qty"] for each in js("positions.getAllOpenPositions")] == ["10"]
    for call, given in {
        "orders.market": buy(),
        "positions.deleteOpenPosition": {"symbolOrAssetId": "AAPL", "qty": 4},
    }.items():
        http.faults({"kind": "503", "times": 1})
        with pytest.raises(Refused) as refusal:
            js(call, given)
        assert refusal.value.status == 503
    assert js("orders.getAllOrders", {"status": "all"}) == []
