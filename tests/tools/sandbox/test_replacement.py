"""An order that is replaced ends, and its successor goes on."""

from __future__ import annotations

from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest, ReplaceOrderRequest

from tests.tools.sandbox.client import KEY, Http


@pytest.fixture
def http(http: Http) -> Http:
    http.put("/prices", {"AAPL": "100"})
    return http


def resting(alpaca: Any, qty: float = 10, price: float = 90, **more: Any) -> Any:
    return alpaca.submit_order(
        LimitOrderRequest(
            symbol="AAPL",
            qty=qty,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            limit_price=price,
            **more,
        )
    )


def test_a_replaced_order_and_its_successor_name_each_other(alpaca: Any, http: Http) -> None:
    old = resting(alpaca, client_order_id="trade-1")
    new = alpaca.replace_order_by_id(old.id, ReplaceOrderRequest(limit_price=95, client_order_id="trade-1b"))
    assert (new.replaces, new.status, new.filled_qty) == (old.id, OrderStatus.PENDING_NEW, "0")
    assert (new.limit_price, new.qty, new.client_order_id) == ("95", "10", "trade-1b")
    seen = alpaca.get_order_by_id(old.id)
    assert (seen.status, seen.replaced_by, seen.replaced_at is not None) == (
        OrderStatus.REPLACED,
        new.id,
        True,
    )
    assert [order.id for order in alpaca.get_orders()] == [new.id]
    http.put("/prices", {"AAPL": "94"})
    assert alpaca.get_order_by_id(new.id).status is OrderStatus.FILLED
    assert alpaca.get_order_by_id(old.id).filled_qty == "0"


def test_a_replacement_without_a_name_gets_one_of_its_own(alpaca: Any, http: Http) -> None:
    old = resting(alpaca, client_order_id="trade-2")
    new = alpaca.replace_order_by_id(old.id, ReplaceOrderRequest(qty=4))
    assert new.client_order_id not in ("", "trade-2")
    assert alpaca.get_order_by_client_id("trade-2").replaced_by == new.id


def test_a_partly_filled_order_is_replaced_for_its_original_quantity_again(alpaca: Any, http: Http) -> None:
    """Alpaca-API#165: four of ten have filled, and the successor asks for ten, not for six."""
    old = resting(alpaca)
    http.act({"id": str(old.id)}, "fill", qty="4", price="90")
    new = alpaca.replace_order_by_id(old.id, ReplaceOrderRequest(limit_price=91))
    assert (new.qty, new.filled_qty) == ("10", "0")
    seen = alpaca.get_order_by_id(old.id)
    assert (seen.status, seen.filled_qty) == (OrderStatus.REPLACED, "4")
    http.act({"id": str(new.id)}, "fill", price="91")
    assert alpaca.get_open_position("AAPL").qty == "14"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 42210000), ({"limit_price": "90"}, 42210000), ({"qty": "0.5"}, 42210000), ({"qty": "x"}, 40010001)],
)
def test_a_replacement_that_changes_nothing_or_nonsense_is_a_422(
    http: Http, changes: dict[str, str], code: int
) -> None:
    order = http.order(type="limit", limit_price="90").json()
    response = http("PATCH", f"/v2/orders/{order['id']}", json=changes)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert http.seen(order)["status"] == "new"


def test_an_order_that_is_not_at_the_exchange_cannot_be_replaced(alpaca: Any, http: Http) -> None:
    http.put("/clock", {"is_open": False})
    order = resting(alpaca)
    with pytest.raises(APIError) as refusal:
        alpaca.replace_order_by_id(order.id, ReplaceOrderRequest(limit_price=91))
    assert (refusal.value.status_code, refusal.value.code) == (422, 42210000)
    assert alpaca.get_order_by_id(order.id).status is OrderStatus.ACCEPTED


def test_a_finished_order_an_unknown_one_and_one_for_money_cannot_be_replaced(
    alpaca: Any, http: Http
) -> None:
    filled = http.order().json()
    http.put("/clock", {"is_open": False})
    money = http.order(qty=None, notional="20").json()
    unknown = {"id": "0b7f0f6a-1f2b-4a2e-9a64-0d6a5ce5b3a1"}
    for order, status in ((filled, 422), (money, 422), (unknown, 404), ({"id": "7"}, 422)):
        assert http("PATCH", f"/v2/orders/{order['id']}", json={"qty": "2"}).status_code == status


def test_a_replacement_needs_a_name_that_was_never_used_and_the_money(alpaca: Any, http: Http) -> None:
    old = http.order(type="limit", limit_price="90", client_order_id="a").json()
    path = f"/v2/orders/{old['id']}"
    taken = http("PATCH", path, json={"qty": "2", "client_order_id": "a"})
    assert (taken.status_code, taken.json()["code"]) == (422, 40010001)
    dear = http("PATCH", path, json={"qty": "1000000"})
    assert (dear.status_code, dear.json()["code"]) == (403, 40310000)
    assert http.seen(old)["status"] == "new"
    http.put("/prices", {"AAPL": "89"})
    assert http.seen(old)["status"] == "filled", "it still worked"


def test_the_name_of_a_replaced_or_canceled_order_is_not_free_again(http: Http) -> None:
    old = http.order(type="limit", limit_price="90", client_order_id="a").json()
    new = http("PATCH", f"/v2/orders/{old['id']}", json={"qty": "2", "client_order_id": "b"}).json()
    assert http("DELETE", f"/v2/orders/{new['id']}").status_code == 204
    assert [http.order(client_order_id=name).status_code for name in ("a", "b", "c")] == [422, 422, 200]


def test_the_shares_that_the_replaced_order_held_are_free_for_its_successor(alpaca: Any, http: Http) -> None:
    http.positions(AAPL=10)
    sale = http.order(side="sell", qty="10", type="limit", limit_price="150").json()
    assert http("PATCH", f"/v2/orders/{sale['id']}", json={"limit_price": "140"}).status_code == 200
    assert http.get("/v2/positions/AAPL").json()["qty_available"] == "0"


def test_a_chain_that_was_replaced_in_the_dashboard_can_be_followed_to_its_end(
    alpaca: Any, http: Http
) -> None:
    http.put("/clock", {"is_open": False})
    first = http.order(client_order_id="trade-3").json()
    second = http.act(first, "replace", qty="2")
    third = http.act(second, "replace")
    order, names = http.seen(first), []
    while order["replaced_by"]:
        names.append(order["client_order_id"])
        order = http.seen({"id": order["replaced_by"]})
    assert (order["id"], order["status"], order["qty"]) == (third["id"], "accepted", "2")
    assert names == ["trade-3", second["client_order_id"]]
    http.put("/clock", {"is_open": True})
    assert http.seen(third)["status"] == "filled"
    assert [row["status"] for row in http.get(f"/sandbox/accounts/{KEY}/orders").json()] == [
        "replaced",
        "replaced",
        "filled",
    ]


def test_the_sdk_takes_every_state_of_an_order(alpaca: Any, http: Http) -> None:
    alpaca.submit_order(
        MarketOrderRequest(symbol="AAPL", notional=20, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    old = resting(alpaca)
    alpaca.replace_order_by_id(old.id, ReplaceOrderRequest(time_in_force=TimeInForce.GTC))
    http.order(type="stop", stop_price="200")
    assert len(http.get("/v2/orders?status=all").json()) == 4
