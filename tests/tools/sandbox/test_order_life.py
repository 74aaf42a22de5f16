"""An order is accepted first and filled later: at once, after a while, in parts, at the bell, or never."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.server import Server
from tests.tools.sandbox.client import KEY, Http, until


@pytest.fixture
def http(http: Http) -> Http:
    http.put("/prices", {"AAPL": "100"})
    return http


def test_no_answer_to_a_new_order_shows_a_fill(http: Http) -> None:
    order = http.order(qty="3").json()
    assert (order["status"], order["filled_qty"], order["filled_avg_price"]) == ("pending_new", "0", None)
    assert (order["submitted_at"] is not None, order["filled_at"]) == (True, None)
    seen = http.seen(order)
    assert (seen["status"], seen["filled_qty"], seen["filled_avg_price"]) == ("filled", "3", "100")
    assert seen["filled_at"] == order["submitted_at"], "when it was due, not when somebody looked"


def test_an_order_fills_after_the_delay_and_at_the_moment_it_was_due() -> None:
    with Server(fill_delay_sec=0.3) as server:
        http = Http(server.url)
        began = time.monotonic()
        order = http.order().json()
        assert http.seen(order)["status"] == "new", "at the exchange, and not filled"
        until(lambda: http.seen(order)["status"] == "filled")
        assert time.monotonic() - began >= 0.3


def test_the_delay_is_set_for_all_accounts_or_for_one(http: Http) -> None:
    http.put("/fills", {"delay_sec": 60})
    assert http.seen(http.order().json())["status"] == "new"
    http.put(f"/accounts/{KEY}", {"fill_delay_sec": 0})
    assert http.seen(http.order().json())["status"] == "filled"
    http.put(f"/accounts/{KEY}", {"fill_delay_sec": None})
    assert http.seen(http.order().json())["status"] == "new"


def test_fills_are_held_for_all_accounts_or_for_one(http: Http) -> None:
    http.put(f"/accounts/{KEY}", {"hold_fills": True})
    order = http.order().json()
    assert http.seen(order)["status"] == "new"
    http.put("/fills", {"hold": True})
    http.put(f"/accounts/{KEY}", {"hold_fills": False})
    assert http.seen(order)["status"] == "filled"


def test_one_order_is_held_and_let_go(http: Http) -> None:
    http.put("/fills", {"hold": True})
    held, other = http.order().json(), http.order().json()
    http.act(held, "hold")
    http.put("/fills", {"hold": False})
    assert [http.seen(order)["status"] for order in (held, other)] == ["new", "filled"]
    http.act(held, "release")
    assert http.seen(held)["status"] == "filled"


def test_an_order_fills_in_parts_at_prices_of_their_own(http: Http) -> None:
    http.put("/fills", {"hold": True})
    order = http.order(qty="10").json()
    part = http.act(order, "fill", qty="4", price="99")
    assert (part["status"], part["filled_qty"], part["filled_avg_price"]) == ("partially_filled", "4", "99")
    http.put("/fills", {"hold": False})
    assert http.seen(order)["status"] == "partially_filled", "the rest waits for its own word"
    done = http.act(order, "fill", price="101.5")
    assert (done["status"], done["filled_qty"], done["filled_avg_price"]) == ("filled", "10", "100.5")
    assert http.get("/v2/positions/AAPL").json()["avg_entry_price"] == "100.5"
    assert http.get("/v2/account").json()["cash"] == "98995"
    first, second = http.fills("direction=asc")
    assert (first["type"], first["qty"], first["cum_qty"], first["leaves_qty"]) == (
        "partial_fill",
        "4",
        "4",
        "6",
    )
    assert (second["type"], second["qty"], second["cum_qty"], second["leaves_qty"]) == (
        "fill",
        "6",
        "10",
        "0",
    )
    assert (first["order_status"], second["order_status"]) == ("partially_filled", "filled")


def test_more_than_is_left_cannot_fill(http: Http) -> None:
    http.put("/fills", {"hold": True})
    order = http.order(qty="2").json()
    path = f"/sandbox/accounts/{KEY}/orders/{order['id']}/fill"
    assert http("POST", path, json={"qty": "3"}).status_code == 400
    http.act(order, "fill")
    assert http("POST", path, json={"qty": "1"}).status_code == 400


@pytest.mark.parametrize(
    ("status", "when"), [("expired", "expired_at"), ("rejected", "failed_at"), ("canceled", "canceled_at")]
)
def test_an_order_ends_as_the_broker_wants(http: Http, status: str, when: str) -> None:
    order = http.order(type="limit", limit_price="1").json()
    ended = http.act(order, "end", status=status)
    assert (ended["status"], ended["filled_qty"]) == (status, "0")
    assert ended[when] is not None
    assert http("DELETE", f"/v2/orders/{order['id']}").status_code == 422


def test_what_is_done_for_the_day_still_works_and_what_has_filled_does_not_end_again(http: Http) -> None:
    resting, filled = http.order(type="limit", limit_price="1").json(), http.order().json()
    assert http.act(resting, "end", status="done_for_day")["status"] == "done_for_day"
    assert http("DELETE", f"/v2/orders/{resting['id']}").status_code == 204
    path = f"/sandbox/accounts/{KEY}/orders/{filled['id']}/end"
    for status in ("done_for_day", "canceled"):
        assert http("POST", path, json={"status": status}).status_code == 422
    assert http("POST", path, json={"status": "filled"}).status_code == 400
    assert http.seen(filled)["status"] == "filled"


def test_while_the_market_is_closed_an_order_waits_for_the_bell(http: Http) -> None:
    http.put("/clock", {"is_open": False})
    order = http.order().json()
    assert order["status"] == "accepted"
    assert http.seen(order)["status"] == "accepted"
    assert [row["id"] for row in http.get("/v2/orders").json()] == [order["id"]]
    http.put("/clock", {"is_open": True})
    assert http.seen(order)["status"] == "filled"


def test_an_extended_hours_limit_order_fills_while_the_market_is_closed(http: Http) -> None:
    http.put("/clock", {"is_open": False})
    order = http.order(type="limit", limit_price="101", extended_hours=True).json()
    assert http.seen(order)["status"] == "filled"


@pytest.mark.parametrize(
    ("side", "stop", "rests", "touches"), [("buy", "110", "109.99", "110"), ("sell", "90", "90.01", "89")]
)
def test_a_stop_order_fills_when_its_price_is_touched(
    http: Http, side: str, stop: str, rests: str, touches: str
) -> None:
    order = http.order(side=side, type="stop", stop_price=stop).json()
    http.put("/prices", {"AAPL": rests})
    assert http.seen(order)["status"] == "new"
    http.put("/prices", {"AAPL": touches})
    seen = http.seen(order)
    assert (seen["status"], seen["filled_avg_price"], seen["stop_price"]) == ("filled", touches, stop)


def test_a_touched_stop_limit_order_waits_for_its_limit(http: Http) -> None:
    order = http.order(type="stop_limit", stop_price="110", limit_price="111").json()
    http.put("/prices", {"AAPL": "115"})
    assert http.seen(order)["status"] == "new"
    http.put("/prices", {"AAPL": "105"})
    assert http.seen(order)["filled_avg_price"] == "105"


def test_an_order_fills_at_the_price_of_the_moment_it_was_due(http: Http) -> None:
    order = http.order().json()
    http.put("/prices", {"AAPL": "200"})
    assert http.seen(order)["filled_avg_price"] == "100"


def test_a_halted_symbol_takes_orders_and_fills_none(http: Http) -> None:
    http.positions(MSFT=5)
    http.put("/halts", ["AAPL", "MSFT"])
    order = http.order().json()
    assert http.seen(order)["status"] == "new"
    refused = http("DELETE", "/v2/positions/MSFT")
    assert (refused.status_code, refused.json()["code"]) == (403, 40310000)
    (row,) = http("DELETE", "/v2/positions").json()
    assert (row["symbol"], row["status"], row["body"]["code"]) == ("MSFT", 403, 40310000)
    http.put("/halts", [])
    assert http.seen(order)["status"] == "filled"
    assert http("DELETE", "/v2/positions/MSFT").status_code == 200


def test_every_order_ever_made_is_logged_with_its_fills(http: Http) -> None:
    http.order(client_order_id="one")
    canceled = http.order(client_order_id="two", type="limit", limit_price="1").json()
    http("DELETE", f"/v2/orders/{canceled['id']}")
    log = http.get(f"/sandbox/accounts/{KEY}/orders").json()
    assert [(row["client_order_id"], row["status"], len(row["fills"])) for row in log] == [
        ("one", "filled", 1),
        ("two", "canceled", 0),
    ]
    ((fill,),) = (row["fills"] for row in log if row["fills"])
    assert (fill["qty"], fill["price"], fill["busted"]) == ("1", "100", False)


def test_orders_are_listed_before_and_after_another(http: Http) -> None:
    ids = [http.order(type="limit", limit_price="1").json()["id"] for _ in range(5)]

    def listed(query: str) -> Any:
        return [row["id"] for row in http.get(f"/v2/orders?{query}").json()]

    assert listed(f"before_order_id={ids[3]}&limit=2") == [ids[2], ids[1]]
    assert listed(f"after_order_id={ids[2]}&direction=asc") == ids[3:]
    assert listed(f"after_order_id={ids[4]}") == []
    for query in (
        f"before_order_id={ids[0]}&after_order_id={ids[1]}",
        f"after_order_id={ids[0]}&after=2026-01-01",
    ):
        assert http.get(f"/v2/orders?{query}").status_code == 422


def test_pages_of_orders_cover_the_whole_log(http: Http) -> None:
    http.put("/fills", {"hold": True})
    ids = [http.order(type="limit", limit_price="1").json()["id"] for _ in range(60)]
    first = [row["id"] for row in http.get("/v2/orders").json()]
    assert first == ids[:9:-1], "fifty, unless more are asked for"
    second = [row["id"] for row in http.get(f"/v2/orders?before_order_id={first[-1]}").json()]
    assert second == ids[9::-1]


def test_an_order_can_be_without_a_time_of_submission(http: Http) -> None:
    order = {"id": "0b7f0f6a-1f2b-4a2e-9a64-0d6a5ce5b3a1"}
    body = {
        "symbol": "AAPL",
        "side": "buy",
        "qty": "1",
        "created_at": "2026-11-20T10:00:00Z",
        "submitted_at": None,
    }
    http.put(f"/accounts/{KEY}/orders/{order['id']}", body)
    seen = http.seen(order)
    assert (seen["created_at"], seen["submitted_at"]) == ("2026-11-20T10:00:00.000000Z", None)
    assert [row["id"] for row in http.get("/v2/orders?until=2026-11-21").json()] == [order["id"]]
    assert http.get("/v2/orders?after=2026-11-21").json() == []


def test_what_a_scripted_order_has_filled_is_an_activity_and_moves_nothing(http: Http) -> None:
    order = {"id": "0b7f0f6a-1f2b-4a2e-9a64-0d6a5ce5b3a1"}
    body = {"symbol": "AAPL", "side": "sell", "qty": "5", "status": "canceled", "filled_qty": "2"}
    for price in ("11", "12"):
        told = {**body, "filled_avg_price": price, "filled_at": "2026-11-20T15:00:00Z"}
        http.put(f"/accounts/{KEY}/orders/{order['id']}", told)
    ((fill,),) = [http.fills()]
    assert (fill["qty"], fill["price"], fill["side"]) == ("2", "12", "sell")
    assert fill["transaction_time"] == "2026-11-20T15:00:00.000000Z"
    assert http.get("/v2/positions").json() == []
    assert http.get("/v2/account").json()["cash"] == "100000"
