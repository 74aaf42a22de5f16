"""What the sandbox refuses, in Alpaca's codes, and the bookkeeping behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import ApiError
from sandbox.market import Market
from sandbox.order_form import asked_order
from tests.tools.sandbox.client import HEADERS, KEY, Http


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"qty": None}, 422, 40010001),
        ({"notional": "5"}, 422, 40010001),
        ({"qty": "0"}, 422, 40010001),
        ({"qty": "-1"}, 422, 40010001),
        ({"qty": "ten"}, 422, 40010001),
        ({"qty": "NaN"}, 422, 40010001),
        ({"qty": "1e400"}, 422, 40010001),
        ({"qty": True}, 422, 40010001),
        ({"qty": [1]}, 422, 40010001),
        ({"qty": "0.0000000001"}, 422, 40010001),
        ({"side": "hold"}, 422, 40010001),
        ({"side": None}, 422, 40010001),
        ({"type": "stop"}, 422, 40010001),
        ({"type": "stop", "stop_price": "9", "limit_price": "9"}, 422, 40010001),
        ({"type": "stop_limit", "stop_price": "9"}, 422, 40010001),
        ({"type": "trailing_stop", "trail_price": "1"}, 422, 40010001),
        ({"type": ["market"]}, 422, 40010001),
        ({"order_class": "bracket"}, 422, 40010001),
        ({"time_in_force": "soon"}, 422, 40010001),
        ({"type": "limit"}, 422, 40010001),
        ({"limit_price": "5"}, 422, 40010001),
        ({"type": "limit", "limit_price": "-5"}, 422, 40010001),
        ({"client_order_id": "x" * 129}, 422, 40010001),
        ({"symbol": None}, 422, 42210000),
        ({"symbol": "no such"}, 422, 42210000),
        ({"symbol": '"}'}, 422, 42210000),
        ({"qty": "0.5", "time_in_force": "gtc"}, 422, 42210000),
        ({"extended_hours": True}, 422, 42210000),
        ({"qty": "0.5", "side": "sell"}, 422, 42210000),
        ({"qty": None, "notional": "1.001"}, 422, 42210000),
        ({"qty": None, "notional": "0.5"}, 403, 40310000),
        ({"qty": "1000000"}, 403, 40310000),
    ],
)
def test_a_bad_order_is_refused_with_alpacas_code_and_changes_nothing(
    http: Http, fields: dict[str, Any], status: int, code: int
) -> None:
    response = http.order(**fields)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["message"]
    assert http.get("/v2/orders?status=all").json() == []
    assert http.get("/v2/account").json()["cash"] == "100000"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff"])
def test_a_body_that_is_no_object_is_a_400(http: Http, body: bytes) -> None:
    response = http("POST", "/v2/orders", data=body, headers={**HEADERS, "Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, 40010000)


@pytest.mark.parametrize(
    "query", ["status=odd", "limit=0", "limit=501", "direction=up", "after=yesterday", "until=x"]
)
def test_a_bad_order_query_is_a_422(http: Http, query: str) -> None:
    assert http.get(f"/v2/orders?{query}").status_code == 422


def test_an_order_id_that_is_no_uuid_is_a_422(http: Http) -> None:
    assert http.get("/v2/orders/7").json()["code"] == 40010001


def test_a_client_order_id_is_taken_once(http: Http) -> None:
    assert http.order(client_order_id="a").status_code == 200
    again = http.order(client_order_id="a")
    assert (again.status_code, again.json()["message"]) == (422, "client_order_id must be unique")


def test_insufficient_buying_power_names_both_figures(http: Http) -> None:
    http.put("/prices", {"AAPL": "100"})
    response = http.order(qty="2001")
    assert response.json() == {
        "buying_power": "200000",
        "cost_basis": "200100",
        "code": 40310000,
        "message": "insufficient buying power",
    }


def test_working_buys_reserve_buying_power(http: Http) -> None:
    http.put("/prices", {"AAPL": "100"})
    assert http.order(qty="1500", type="limit", limit_price="90").status_code == 200
    assert http.get("/v2/account").json()["buying_power"] == "65000"
    assert http.order(qty="651").json()["message"] == "insufficient buying power"


@pytest.mark.parametrize(("held", "side"), [(10, "sell"), (-10, "buy")])
def test_no_order_turns_a_position_to_the_other_side(http: Http, held: int, side: str) -> None:
    http.positions(AAPL=held)
    response = http.order(side=side, qty="15")
    assert response.status_code == 403
    assert response.json() == {
        "available": "10",
        "existing_qty": "10",
        "held_for_orders": "0",
        "symbol": "AAPL",
        "code": 40310000,
        "message": "insufficient qty available for order (requested: 15, available: 10)",
    }


def test_shares_that_a_working_order_holds_are_not_sold_twice(http: Http) -> None:
    http.positions(AAPL=10)
    http.order(side="sell", qty="6", type="limit", limit_price="100000")
    assert http.get("/v2/positions/AAPL").json()["qty_available"] == "4"
    assert http.get("/v2/positions").json()[0]["qty_available"] == "4"
    assert http.order(side="sell", qty="5").status_code == 403
    assert http.order(side="sell", qty="4").status_code == 200


def test_an_order_that_outlived_its_position_closes_the_other_side_first(http: Http) -> None:
    http.put("/fills", {"hold": True})
    http.order(qty="15")
    http.positions(AAPL=-10)
    http.put("/prices", {"AAPL": "90"})
    http.put("/fills", {"hold": False})
    row = http.get("/v2/positions/AAPL").json()
    assert (row["qty"], row["avg_entry_price"]) == ("5", "90")
    assert http.get(f"/sandbox/accounts/{KEY}").json()["realized_pl"] == "100"


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
def test_a_blocked_account_shows_it_and_takes_no_order(http: Http, flag: str) -> None:
    http.put(f"/accounts/{KEY}", {flag: True})
    assert http.get("/v2/account").json()[flag] is True
    assert (http.order().status_code, http.order().json()["code"]) == (403, 40310000)


def test_an_account_that_may_not_short_does_not(http: Http) -> None:
    http.put(f"/accounts/{KEY}", {"shorting_enabled": False})
    assert http.order(side="sell").json()["message"] == "account is not allowed to short"


@pytest.mark.parametrize("time_in_force", ["ioc", "fok"])
def test_an_immediate_order_that_cannot_fill_is_canceled(http: Http, time_in_force: str) -> None:
    order = http.order(type="limit", limit_price="0.01", time_in_force=time_in_force).json()
    assert http.get(f"/v2/orders/{order['id']}").json()["status"] == "canceled"


def test_a_missing_key_or_secret_is_a_401(http: Http) -> None:
    for headers in ({}, {"APCA-API-KEY-ID": KEY}, {"APCA-API-SECRET-KEY": "x"}):
        response = http.get("/v2/account", headers=headers)
        assert (response.status_code, response.json()) == (401, {"message": "unauthorized."})


def test_the_first_secret_of_a_key_is_the_right_one(http: Http) -> None:
    assert http.get("/v2/account").status_code == 200
    response = http.get("/v2/account", headers={**HEADERS, "APCA-API-SECRET-KEY": "another"})
    assert (response.status_code, response.json()) == (403, {"message": "forbidden."})
    assert http.get("/v2/account").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v2/nothing", 404), ("POST", "/v2/account", 405)]
)
def test_an_unknown_endpoint_answers_in_json(http: Http, method: str, path: str, status: int) -> None:
    response = http(method, path)
    assert response.status_code == status
    assert response.json()["message"]


_orders = st.lists(
    st.tuples(
        st.sampled_from(["AAPL", "MSFT"]),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 30),
        st.integers(1, 40_000).map(lambda cents: Decimal(cents) / 100),
    ),
    max_size=20,
)


@given(orders=_orders)
def test_cash_and_positions_always_add_up_to_the_orders_that_filled(
    orders: list[tuple[str, str, int, Decimal]],
) -> None:
    market = Market(fill_delay_sec=0)
    account = market.account("k")
    cash, held = account.cash.balance, {"AAPL": 0, "MSFT": 0}
    for symbol, side, qty, price in orders:
        market.venue.prices.set({symbol: price})
        order = asked_order({"symbol": symbol, "side": side, "qty": qty}, market.venue.assets)
        try:
            account.books.place(order)
        except ApiError:
            continue  # too little money, or too few shares
        assert order.filled_qty == 0
        market.settle()
        sign = 1 if side == "buy" else -1
        cash -= sign * qty * price
        held[symbol] += sign * qty
    assert account.cash.balance == cash
    assert {s: p.qty for s, p in account.positions.items()} == {s: q for s, q in held.items() if q}
    # What cash lacks is what the shares still held were bought for, less what was earned.
    spent = sum((p.qty * p.avg_entry_price for p in account.positions.values()), Decimal(0))
    assert abs(account.cash.balance - Decimal(100_000) - (account.realized_pl - spent)) < Decimal("0.000001")
    # Each row of the ledger is a fill, and together they are the balance.
    assert sum(Decimal(row["amount"]) for row in account.cash.rows()) == account.cash.balance
    assert [row["fill_id"] for row in account.cash.rows()[1:]] == [fill.id for fill in account.books.fills]
