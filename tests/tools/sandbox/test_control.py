"""The control API: what tests and demos arrange."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from sandbox.prices import Prices, first_price
from sandbox.rate_limit import CALLS, WINDOW_SEC, RateLimit
from sandbox.server import Server
from tests.tools.sandbox.client import HEADERS, KEY, Http


def test_positions_are_set_in_bulk_and_replaced_as_a_whole(http: Http) -> None:
    http.positions(AAPL=10, MSFT="-2.5")
    http.positions(TSLA=3, MSFT="-2.5")
    rows = {row["symbol"]: (row["qty"], row["side"]) for row in http.get("/v2/positions").json()}
    assert rows == {"TSLA": ("3", "long"), "MSFT": ("-2.5", "short")}
    assert http.get("/v2/account").json()["cash"] == "100000"
    http("DELETE", f"/sandbox/accounts/{KEY}/positions")
    assert http.get("/v2/positions").json() == []


def test_many_positions_are_set_and_read_at_once(http: Http) -> None:
    rows = [{"symbol": f"S{n}", "qty": str(n % 9 + 1), "avg_entry_price": "10.5"} for n in range(10_000)]
    assert http.put(f"/accounts/{KEY}/positions", rows) == {"positions": 10_000}
    read = http.get("/v2/positions", timeout=30)
    assert [(row["symbol"], row["qty"]) for row in read.json()] == [
        (row["symbol"], row["qty"]) for row in rows
    ]


def test_a_price_that_is_set_shows_everywhere(http: Http) -> None:
    http.positions(AAPL=10, MSFT=-5)
    for price, equity, profit in [("100", "100500", "0"), ("110", "100550", "100"), ("95", "100475", "-50")]:
        http.put("/prices", {"AAPL": price, "MSFT": price})
        assert http.get("/v2/account").json()["equity"] == equity
        assert http.get("/v2/positions").json()[0]["unrealized_pl"] == profit


def test_a_read_after_an_order_shows_the_new_quantity_among_many(http: Http) -> None:
    http.positions(**{f"S{n}": 1 for n in range(1000)})
    http.get("/v2/positions")
    http.order(symbol="S500", qty="4")
    rows = {row["symbol"]: row["qty"] for row in http.get("/v2/positions").json()}
    assert (rows["S500"], rows["S501"], len(rows)) == ("5", "1", 1000)


@pytest.mark.parametrize(
    "rows",
    [
        {},
        ["AAPL"],
        [{"qty": "1"}],
        [{"symbol": "AAPL"}],
        [{"symbol": "AAPL", "qty": "0"}],
        [{"symbol": "AAPL", "qty": "x"}],
        [{"symbol": '","', "qty": "1"}],
        [{"symbol": "AAPL", "qty": "1"}, {"symbol": "AAPL", "qty": "2"}],
        [{"symbol": "AAPL", "qty": "1", "avg_entry_price": "-1"}],
    ],
)
def test_bad_positions_are_a_400_and_change_nothing(http: Http, rows: Any) -> None:
    http.positions(MSFT=1)
    response = http("PUT", f"/sandbox/accounts/{KEY}/positions", json=rows)
    assert (response.status_code, response.json()["code"]) == (400, 40010000)
    assert [row["symbol"] for row in http.get("/v2/positions").json()] == ["MSFT"]


def test_an_account_can_be_played_as_another(http: Http) -> None:
    other = str(uuid4())
    http.put(f"/accounts/{KEY}", {"id": other, "cash": "25.5", "status": "INACTIVE", "last_equity": "30"})
    account = http.get("/v2/account").json()
    assert (account["id"], account["cash"], account["status"]) == (other, "25.5", "INACTIVE")
    assert account["last_equity"] == "30"
    assert http.order().status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"id": "x"},
        {"cash": "lots"},
        {"trading_blocked": "yes"},
        {"positions_lag_sec": -1},
        {"fill_delay_sec": "soon"},
        {"status": ""},
        {"daytrade_count": 1},
        {"colour": 1},
    ],
)
def test_a_bad_account_change_is_a_400(http: Http, body: Any) -> None:
    assert http("PUT", f"/sandbox/accounts/{KEY}", json=body).status_code == 400


def test_the_whole_state_of_an_account_is_shown_and_thrown_away(http: Http) -> None:
    assert http.get(f"/sandbox/accounts/{KEY}").status_code == 404
    http.order()
    state = http.get(f"/sandbox/accounts/{KEY}").json()
    assert [p["symbol"] for p in state["positions"]] == ["AAPL"]
    assert [o["status"] for o in state["orders"]] == ["filled"]
    assert "secret" not in str(state)
    http("DELETE", f"/sandbox/accounts/{KEY}")
    assert http.get("/v2/positions").json() == []
    assert http.get("/v2/account").json()["id"] == state["id"]


@pytest.mark.parametrize(
    "status", ["new", "accepted", "partially_filled", "held", "pending_cancel", "done_for_day"]
)
def test_a_scripted_order_keeps_the_status_it_was_given(http: Http, status: str) -> None:
    order_id = str(uuid4())
    http.put(
        f"/accounts/{KEY}/orders/{order_id}", {"symbol": "AAPL", "side": "buy", "qty": "2", "status": status}
    )
    http.put("/prices", {"AAPL": "1"})
    seen = http.get(f"/v2/orders/{order_id}").json()
    assert (seen["id"], seen["status"], seen["qty"]) == (order_id, status, "2")
    # A held leg of a bracket is not listed as open (alpaca-trade-api-python#322).
    listed = {n: [row["id"] for row in http.get(f"/v2/orders?status={n}").json()] for n in ("open", "closed")}
    found = "closed" if status == "held" else "open"
    assert listed == {"open": [], "closed": [], found: [order_id]}
    assert http.get("/v2/positions").json() == []


def test_a_scripted_order_is_overwritten(http: Http) -> None:
    path = f"/accounts/{KEY}/orders/{uuid4()}"
    http.put(path, {"symbol": "AAPL", "side": "buy", "qty": "2", "status": "new"})
    http.put(path, {"symbol": "AAPL", "side": "buy", "qty": "2", "status": "filled"})
    (order,) = http.get("/v2/orders?status=all").json()
    assert (order["status"], order["filled_qty"]) == ("filled", "2")
    assert http.get("/v2/orders").json() == []
    assert http("DELETE", "/v2/orders").json() == [], "it works no longer"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"symbol": "AAPL", "side": "buy"},
        {"symbol": "AAPL", "side": "buy", "qty": "1", "status": "lost"},
        {"symbol": "AAPL", "side": "buy", "qty": "1", "filled_qty": "2"},
    ],
)
def test_a_bad_scripted_order_is_a_400(http: Http, body: Any) -> None:
    assert http("PUT", f"/sandbox/accounts/{KEY}/orders/{uuid4()}", json=body).status_code == 400
    good = {"symbol": "AAPL", "side": "buy", "qty": "1", "status": "new"}
    assert http("PUT", f"/sandbox/accounts/{KEY}/orders/7", json=good).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/prices", {"AAPL": "0"}),
        ("/prices", {"a b": "1"}),
        ("/prices", []),
        ("/fills", {}),
        ("/clock", {"is_open": "yes"}),
        ("/clock", {}),
        ("/clock", {"is_open": True, "decimals": 10}),
        ("/fills", {"delay_sec": -1}),
        ("/halts", ["no such"]),
        ("/halts", {}),
        ("/rate_limit", {"enabled": 1}),
    ],
)
def test_a_switch_that_cannot_be_understood_is_a_400(http: Http, path: str, body: Any) -> None:
    assert http("PUT", f"/sandbox{path}", json=body).status_code == 400


def test_calls_are_counted_by_key_with_the_fault_they_met(http: Http) -> None:
    http.faults({"kind": "500", "path": "/v2/positions"})
    http.get("/v2/account")
    http.get("/v2/positions?x=1")
    http.get("/v2/account", headers={**HEADERS, "APCA-API-KEY-ID": "another"})
    calls = http.get(f"/sandbox/requests?key={KEY}").json()
    assert [(c["method"], c["path"], c["query"], c["fault"]) for c in calls] == [
        ("GET", "/v2/account", "", None),
        ("GET", "/v2/positions", "x=1", "500"),
    ]
    assert len(http.get("/sandbox/requests").json()) == 3
    http("DELETE", "/sandbox/requests")
    assert http.get("/sandbox/requests").json() == []


def test_a_symbol_has_the_same_price_in_every_run_and_no_other_symbols() -> None:
    assert str(first_price("AAPL")) == "332.70"
    assert len({first_price(f"S{n}") for n in range(100)}) > 90
    assert all(5 <= first_price(f"S{n}") < 505 for n in range(1000))


def test_walking_prices_drift_slowly_and_the_same_way_every_time() -> None:
    second = [0.0]
    walking, again = (Prices(walk=True, now=lambda: second[0]) for _ in range(2))
    seen = []
    for second[0] in range(0, 7200, 10):
        seen.append(walking.price("AAPL"))
        assert again.price("AAPL") == seen[-1]
    assert len(set(seen)) > 100
    assert all(abs(price / first_price("AAPL") - 1) < 0.031 for price in seen)
    assert Prices().price("AAPL") == first_price("AAPL")


def test_the_rate_limit_is_off_unless_asked_for(http: Http) -> None:
    assert "X-RateLimit-Limit" not in http.get("/v2/account").headers


def test_two_hundred_calls_a_minute_are_answered_and_the_next_is_a_429() -> None:
    with Server(rate_limit=True) as server:
        http = Http(server.url)
        answers = [http.get("/v2/clock") for _ in range(201)]
        assert {a.status_code for a in answers[:200]} == {200}
        assert [a.headers["X-RateLimit-Remaining"] for a in answers[:2] + answers[-2:]] == [
            "199",
            "198",
            "0",
            "0",
        ]
        refused = answers[-1]
        assert (refused.status_code, refused.json()["code"]) == (429, 42910000)
        assert refused.headers["X-RateLimit-Limit"] == "200"
        assert 0 < int(refused.headers["X-RateLimit-Reset"]) - time.time() <= 61
        other = {**HEADERS, "APCA-API-KEY-ID": "another"}
        assert http.get("/v2/clock", headers=other).status_code == 200
        http.put("/rate_limit", {"enabled": False})
        assert http.get("/v2/clock").status_code == 200


def test_the_rate_limit_counts_anew_after_its_minute() -> None:
    now = [1000.0]
    limit = RateLimit(enabled=True, now=lambda: now[0])
    assert [limit.count("k")[0] for _ in range(CALLS + 1)] == [True] * CALLS + [False]
    now[0] += WINDOW_SEC - 0.1
    assert not limit.count("k")[0]
    now[0] += 0.1
    allowed, headers = limit.count("k")
    assert allowed
    assert headers["X-RateLimit-Remaining"] == "199"
