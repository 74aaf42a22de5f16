"""What happens at a broker without anybody's call: trades by hand, busts, splits, new symbols, positions that lag."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sandbox.server import Server
from tests.tools.sandbox.client import KEY, Http, until


@pytest.fixture
def http(http: Http) -> Http:
    http.put("/prices", {"AAPL": "100"})
    return http


def position(http: Http, symbol: str = "AAPL") -> tuple[str, str]:
    row = http.get(f"/v2/positions/{symbol}").json()
    return row["qty"], row["avg_entry_price"]


def cash(http: Http) -> Any:
    return http.get("/v2/account").json()["cash"]


def test_a_sale_by_hand_is_an_order_that_nobody_sent(http: Http) -> None:
    bought = http.order(qty="10", client_order_id="trade").json()
    sold = http.pull("trades", symbol="AAPL", side="sell", qty="4", price="101")
    assert (sold["status"], sold["filled_avg_price"], sold["side"]) == ("filled", "101", "sell")
    assert sold["client_order_id"] not in ("trade", "")
    assert position(http) == ("6", "100")
    assert [row["order_id"] for row in http.fills()] == [sold["id"], bought["id"]]
    assert cash(http) == "99404"
    http.pull("trades", symbol="AAPL", side="sell", qty="6")
    assert http.get("/v2/positions").json() == []


def test_a_bust_takes_shares_and_cash_back_and_keeps_price_and_status(http: Http) -> None:
    order = http.order(qty="10").json()
    assert http.seen(order)["filled_qty"] == "10"
    http.act(order, "bust")
    seen = http.seen(order)
    assert (seen["filled_qty"], seen["filled_avg_price"], seen["status"]) == ("0", "100", "filled")
    assert http.get("/v2/positions").json() == []
    assert cash(http) == "100000"
    assert http.fills() == []
    assert [row["kind"] for row in http.get(f"/sandbox/accounts/{KEY}/cash").json()] == [
        "deposit",
        "fill",
        "bust",
    ]
    again = http("POST", f"/sandbox/accounts/{KEY}/orders/{order['id']}/bust")
    assert again.status_code == 422, "there is nothing left to bust"


def test_a_bust_can_leave_its_activities_listed(http: Http) -> None:
    order = http.order(qty="10").json()
    http.act(order, "bust", keep_activities=True)
    assert (http.seen(order)["filled_qty"], len(http.fills())) == ("0", 1)


def test_a_corrected_price_changes_cash_average_and_fill(http: Http) -> None:
    order = http.order(qty="10").json()
    http.act(order, "correct", price="98.5")
    assert http.seen(order)["filled_avg_price"] == "98.5"
    assert position(http) == ("10", "98.5")
    assert (cash(http), [row["price"] for row in http.fills()]) == ("99015", ["98.5"])


@pytest.mark.parametrize(
    ("old", "new", "qty", "average", "price"), [(10, 1, "10", "1000", "1000"), (1, 4, "400", "25", "25")]
)
def test_a_split_changes_shares_and_prices_and_no_money(
    http: Http, old: int, new: int, qty: str, average: str, price: str
) -> None:
    http.order(qty="100")
    equity = http.get("/v2/account").json()["equity"]
    http.pull("/splits", symbol="AAPL", **{"from": old, "to": new})
    row = http.get("/v2/positions/AAPL").json()
    assert (row["qty"], row["avg_entry_price"], row["current_price"]) == (qty, average, price)
    assert http.get("/v2/account").json()["equity"] == equity


def test_a_reverse_split_cancels_gtc_orders_and_a_forward_split_adjusts_them(http: Http) -> None:
    gtc = {"type": "limit", "limit_price": "80", "qty": "6", "time_in_force": "gtc"}
    kept = http.order(**gtc).json()
    http.pull("/splits", symbol="AAPL", **{"from": 1, "to": 2})
    seen = http.seen(kept)
    assert (seen["status"], seen["qty"], seen["limit_price"]) == ("new", "12", "40")
    http.pull("/splits", symbol="AAPL", **{"from": 20, "to": 1})
    assert http.seen(kept)["status"] == "canceled"


@pytest.mark.parametrize("new_cusip", [False, True])
def test_a_new_symbol_keeps_the_asset_unless_the_cusip_is_new(http: Http, new_cusip: bool) -> None:
    order = http.order(qty="10").json()
    resting = http.order(type="limit", limit_price="1").json()
    before = http.get("/v2/positions/AAPL").json()["asset_id"]
    http.pull("/symbol_changes", **{"from": "AAPL", "to": "PEAR", "new_cusip": new_cusip})
    row = http.get("/v2/positions/PEAR").json()
    assert (row["qty"], row["avg_entry_price"], row["current_price"]) == ("10", "100", "100")
    assert (row["asset_id"] == before) is not new_cusip
    assert http.get("/v2/positions/AAPL").status_code == 404
    assert http.seen(order)["symbol"] == "AAPL"
    assert http.seen(resting)["status"] == "canceled"
    assert http.order(symbol="AAPL").status_code == 422
    old = http.get(f"/v2/assets/{before}").json()
    assert (old["symbol"], old["status"]) == (("AAPL", "inactive") if new_cusip else ("PEAR", "active"))
    assert http.get("/v2/assets/AAPL").status_code == (200 if new_cusip else 404)
    closed = http("DELETE", f"/v2/positions/{row['asset_id']}").json()
    assert (closed["symbol"], closed["asset_id"]) == ("PEAR", row["asset_id"])


def test_what_a_symbol_was_called_survives_a_restart(tmp_path: Any) -> None:
    state = tmp_path / "state.json"
    with Server(state=state, fill_delay_sec=0) as server:
        http = Http(server.url)
        http.order(qty="10")
        http.pull("/symbol_changes", **{"from": "AAPL", "to": "PEAR"})
        http.pull("/splits", symbol="PEAR", **{"from": 1, "to": 2})
        http.put("/halts", ["PEAR"])
        before = [http.get(path).json() for path in ("/v2/positions", "/sandbox/halts", "/v2/assets")]
        fills, ledger = http.fills(), http.get(f"/sandbox/accounts/{KEY}/cash").json()
    with Server(state=state, fill_delay_sec=0) as server:
        http = Http(server.url)
        assert [http.get(path).json() for path in ("/v2/positions", "/sandbox/halts", "/v2/assets")] == before
        assert (http.fills(), http.get(f"/sandbox/accounts/{KEY}/cash").json()) == (fills, ledger)


def test_positions_lag_their_fills(http: Http) -> None:
    http.put(f"/accounts/{KEY}", {"positions_lag_sec": 4})  # so long that all is asked meanwhile
    order = http.order(qty="10").json()
    assert http.seen(order)["status"] == "filled"
    assert http.get("/v2/positions").json() == []
    assert http.get("/v2/positions/AAPL").status_code == 404
    assert http.get("/v2/account").json()["long_market_value"] == "1000", "the account is ahead"
    until(lambda: http.get("/v2/positions").json() != [])
    assert position(http) == ("10", "100")
    http.order(side="sell", qty="10")
    assert position(http) == ("10", "100")
    assert http("DELETE", "/v2/positions/AAPL").status_code == 404, "there is nothing to close any more"
    until(lambda: http.get("/v2/positions").json() == [])


def test_the_values_of_the_account_can_lag_with_the_positions(http: Http) -> None:
    http.put(f"/accounts/{KEY}", {"positions_lag_sec": 60, "values_lag": True})
    http.order(qty="10")
    account = http.get("/v2/account").json()
    assert (account["long_market_value"], account["cash"]) == ("0", "99000")
    assert http.get("/v2/positions").json() == []
    http.put(f"/accounts/{KEY}", {"positions_lag_sec": 0})
    assert http.get("/v2/account").json()["long_market_value"] == "1000"
    assert position(http) == ("10", "100")


@pytest.mark.parametrize("status", ["INACTIVE", "ACCOUNT_UPDATED", "ACCOUNT_CLOSED_PENDING", "ONBOARDING"])
def test_an_account_that_is_not_active_takes_no_orders(http: Http, status: str) -> None:
    http.put(f"/accounts/{KEY}", {"status": status})
    assert http.get("/v2/account").json()["status"] == status
    assert (http.order().status_code, http.order().json()["code"]) == (403, 40310000)


def test_whatever_happens_the_ledger_of_cash_explains_the_profit(http: Http) -> None:
    """Bought, sold in part by hand, split, corrected and closed: cash has moved by exactly what was realised."""
    order = http.order(qty="10").json()
    http.pull("trades", symbol="AAPL", side="sell", qty="4", price="104.5")
    http.act(order, "correct", price="99")
    http.pull("/splits", symbol="AAPL", **{"from": 2, "to": 1})
    http.pull("trades", symbol="AAPL", side="sell", qty="3", price="210.25")
    assert http.get("/v2/positions").json() == []
    rows = http.get(f"/sandbox/accounts/{KEY}/cash").json()
    assert Decimal(rows[-1]["balance"]) - 100_000 == Decimal("418") + Decimal("630.75") - 990
    assert http.get(f"/sandbox/accounts/{KEY}").json()["realized_pl"] == "58.75"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/splits", {"symbol": "AAPL", "from": 0, "to": 1}),
        ("/splits", {"symbol": "AAPL", "from": 1}),
        ("/splits", {"symbol": "a", "from": 1, "to": 2}),
        ("/symbol_changes", {"from": "AAPL", "to": "AAPL"}),
        ("/symbol_changes", {"from": "AAPL", "to": "MSFT"}),
        ("/symbol_changes", {"from": "AAPL", "to": "PEAR", "cusip": True}),
        (f"/accounts/{KEY}/trades", {"symbol": "AAPL", "side": "hold", "qty": 1}),
        (f"/accounts/{KEY}/trades", {"symbol": "AAPL", "side": "buy"}),
        (f"/accounts/{KEY}/trades", {"symbol": "AAPL", "side": "buy", "qty": 1, "at": "noon"}),
    ],
)
def test_an_event_that_cannot_be_understood_is_a_400(http: Http, path: str, body: dict[str, Any]) -> None:
    http.positions(MSFT=1)
    response = http("POST", f"/sandbox{path}", json=body)
    assert (response.status_code, response.json()["code"]) == (400, 40010000)
    assert response.json()["message"]


def test_an_event_for_an_order_or_account_that_is_not_there_is_a_404(http: Http) -> None:
    http.get("/v2/account")
    unknown = "0b7f0f6a-1f2b-4a2e-9a64-0d6a5ce5b3a1"
    assert http("POST", f"/sandbox/accounts/{KEY}/orders/{unknown}/bust").status_code == 404
    assert http("POST", f"/sandbox/accounts/nobody/orders/{unknown}/bust").status_code == 404
