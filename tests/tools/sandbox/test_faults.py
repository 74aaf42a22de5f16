"""Every fault, as a client meets it on the wire."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import requests

from sandbox.faults import KINDS
from tests.tools.sandbox.client import HEADERS, KEY, Http, until

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
LISTS, OBJECTS = ("/v2/positions", "/v2/orders"), ("/v2/account", "/v2/positions/AAPL")
ORDER = str(uuid4())


@pytest.fixture
def http(http: Http) -> Http:
    """An account with a position and a working order, so that lists are not empty to begin with."""
    http.positions(AAPL=10, MSFT=-5)
    http.put(
        f"/accounts/{KEY}/orders/{ORDER}", {"symbol": "TSLA", "side": "buy", "qty": "1", "status": "new"}
    )
    return http


@pytest.mark.parametrize("path", LISTS + OBJECTS)
def test_a_time_out_gives_no_answer_and_then_hangs_up(http: Http, path: str) -> None:
    http.faults({"kind": "timeout"})
    with pytest.raises(requests.ReadTimeout):
        http.get(path, timeout=0.1)
    http.faults({"kind": "timeout", "seconds": 0.1})
    began = time.monotonic()
    with pytest.raises(BROKEN):
        http.get(path)
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_call_is_closed_without_an_answer(http: Http, method: str) -> None:
    http.faults({"kind": "refuse"})
    with pytest.raises(BROKEN):
        http(
            method,
            "/v2/orders",
            json={"symbol": "AAPL", "qty": "1", "side": "buy"} if method == "POST" else None,
        )
    http("DELETE", "/sandbox/faults")
    assert len(http.get("/v2/orders?status=all").json()) == 1, "what was refused was not carried out"


def test_a_lost_answer_hides_what_was_carried_out(http: Http) -> None:
    http.faults({"kind": "lost_answer", "method": "POST", "times": 1, "seconds": 0})
    with pytest.raises(BROKEN):
        http.order(client_order_id="lost")
    seen = http.get("/v2/orders:by_client_order_id?client_order_id=lost").json()
    assert (seen["status"], seen["filled_qty"]) == ("filled", "1")
    http.faults({"kind": "lost_answer", "method": "DELETE"})
    with pytest.raises(requests.ReadTimeout):
        http("DELETE", "/v2/positions/AAPL", timeout=0.2)
    until(lambda: "AAPL" not in {row["symbol"] for row in http.get("/v2/positions").json()})


@pytest.mark.parametrize("kind", ["401", "403", "429", "500", "502", "503"])
@pytest.mark.parametrize("path", LISTS + OBJECTS)
def test_an_error_status_comes_with_alpacas_error_object(http: Http, kind: str, path: str) -> None:
    http.faults({"kind": kind, "path": path})
    response = http.get(path)
    assert response.status_code == int(kind)
    assert response.json()["message"]


def test_a_429_says_when_the_limit_is_reset(http: Http) -> None:
    http.faults({"kind": "429", "reset_after": 7, "retry_after": 7})
    response = http.get("/v2/account")
    assert response.json() == {"code": 42910000, "message": "rate limit exceeded"}
    assert response.headers["X-RateLimit-Limit"] == "200"
    assert response.headers["X-RateLimit-Remaining"] == "0"
    assert 5 <= int(response.headers["X-RateLimit-Reset"]) - time.time() <= 8
    assert response.headers["Retry-After"] == "7"
    http.faults({"kind": "429"})
    assert "Retry-After" not in http.get("/v2/account").headers


@pytest.mark.parametrize("path", LISTS + OBJECTS)
def test_html_comes_with_status_200(http: Http, path: str) -> None:
    http.faults({"kind": "html"})
    response = http.get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(requests.JSONDecodeError):
        response.json()


@pytest.mark.parametrize("path", LISTS + OBJECTS)
def test_an_empty_body_comes_with_status_200(http: Http, path: str) -> None:
    http.faults({"kind": "empty_body"})
    response = http.get(path)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", LISTS + OBJECTS)
def test_a_truncated_answer_promises_more_bytes_than_it_sends(http: Http, path: str) -> None:
    whole = http.get(path).content
    http.faults({"kind": "truncated"})
    with pytest.raises(BROKEN):
        http.get(path)
    with requests.get(http.url + path, headers=HEADERS, timeout=5, stream=True) as response:
        assert (response.status_code, response.headers["Content-Length"]) == (200, str(len(whole)))
        with pytest.raises(BROKEN):
            _ = response.content


@pytest.mark.parametrize("path", LISTS)
def test_a_malformed_row_stands_among_good_ones(http: Http, path: str) -> None:
    good = http.get(path).json()
    http.faults({"kind": "malformed_row"})
    *others, spoilt = http.get(path).json()
    assert others == good[:-1]
    assert (spoilt["qty"], spoilt["symbol"]) == ("ten", good[-1]["symbol"])
    assert "status" not in spoilt
    http.faults({"kind": "malformed_row", "missing": True})
    assert "qty" not in http.get(path).json()[-1]


def test_an_empty_list_is_malformed_by_a_row_of_its_own(http: Http) -> None:
    http("DELETE", f"/sandbox/accounts/{KEY}/positions")
    http.faults({"kind": "malformed_row"})
    (row,) = http.get("/v2/positions").json()
    assert row["qty"] == "ten"


def test_a_malformed_account_has_no_id_and_a_malformed_order_no_status(http: Http) -> None:
    http.faults({"kind": "malformed_row"})
    account = http.get("/v2/account").json()
    assert "id" not in account
    assert account["cash"]
    order = http.get(f"/v2/orders/{ORDER}").json()
    assert (order["id"], order["qty"], "status" in order) == (ORDER, "ten", False)


def test_not_a_list_swaps_lists_and_objects(http: Http) -> None:
    http.faults({"kind": "not_a_list"})
    assert all(isinstance(http.get(path).json(), dict) for path in LISTS)
    assert all(isinstance(http.get(path).json(), list) for path in OBJECTS)


def test_empty_answers_with_nothing_in_it(http: Http) -> None:
    http.faults({"kind": "empty"})
    assert [http.get(path).json() for path in LISTS] == [[], []]
    assert [http.get(path).json() for path in OBJECTS] == [{}, {}]


def test_a_shorter_list_contradicts_the_values_of_the_account(http: Http) -> None:
    http.faults({"kind": "shorter", "path": "/v2/positions"})
    assert [row["symbol"] for row in http.get("/v2/positions").json()] == ["AAPL"]
    account = http.get("/v2/account").json()
    assert Decimal(account["short_market_value"]) < 0, "the account still counts MSFT"
    http.faults({"kind": "shorter", "path": "/v2/positions", "rows": 5})
    assert http.get("/v2/positions").json() == []


def test_no_kind_goes_unproved() -> None:
    proved = {
        "timeout",
        "refuse",
        "401",
        "403",
        "429",
        "500",
        "502",
        "503",
        "html",
        "empty_body",
        "truncated",
    }
    proved |= {"malformed_row", "not_a_list", "empty", "shorter", "slow", "drip", "lost_answer"}
    assert proved == set(KINDS)


@pytest.mark.parametrize("struck", ["/v2/account", "/v2/positions", "/v2/orders"])
def test_a_fault_strikes_only_the_paths_it_names(http: Http, struck: str) -> None:
    http.faults({"kind": "500", "path": struck})
    seen = {path: http.get(path).status_code for path in ("/v2/account", "/v2/positions", "/v2/orders")}
    assert seen == {path: 500 if path == struck else 200 for path in seen}


def test_a_fault_strikes_only_the_key_and_method_it_names(http: Http) -> None:
    http.faults({"kind": "500", "key": "another"}, {"kind": "502", "method": "DELETE"})
    assert http.get("/v2/account").status_code == 200
    assert http("DELETE", "/v2/orders").status_code == 502
    other = {"APCA-API-KEY-ID": "another", "APCA-API-SECRET-KEY": "x"}
    assert http.get("/v2/account", headers=other).status_code == 500


def test_a_fault_can_strike_the_second_read_only(http: Http) -> None:
    http.faults({"kind": "500", "path": "/v2/positions", "skip": 1, "times": 1})
    assert [http.get("/v2/positions").status_code for _ in range(4)] == [200, 500, 200, 200]
    (rule,) = http.get("/sandbox/faults").json()
    assert rule == {"kind": "500", "path": "/v2/positions", "skip": 1, "times": 1, "seen": 4, "struck": 1}


def test_faults_can_take_turns(http: Http) -> None:
    http.faults(
        {"kind": "500", "times": 1}, {"kind": "503", "times": 2}, {"kind": "429", "skip": 4, "times": 1}
    )
    assert [http.get("/v2/account").status_code for _ in range(6)] == [500, 503, 503, 200, 429, 200]


def test_a_put_replaces_the_faults_and_a_delete_heals(http: Http) -> None:
    http.faults({"kind": "500"}, {"kind": "503"})
    http.faults({"kind": "502"})
    assert http.get("/v2/account").status_code == 502
    assert http("DELETE", "/sandbox/faults").json() == []
    assert http.get("/v2/account").status_code == 200


def test_the_control_api_and_health_know_no_faults(http: Http) -> None:
    http.faults({"kind": "timeout"})
    assert http.get("/healthz").status_code == 200
    assert http.get(f"/sandbox/accounts/{KEY}").status_code == 200


@pytest.mark.parametrize(
    "rules",
    [
        {"kind": "500"},
        ["500"],
        [{}],
        [{"kind": "flood"}],
        [{"kind": "500", "pth": "/v2/account"}],
        [{"kind": "500", "path": "/sandbox"}],
        [{"kind": "500", "times": "2"}],
        [{"kind": "500", "times": True}],
        [{"kind": "500", "skip": -1}],
        [{"kind": "slow", "seconds": -1}],
        [{"kind": "shorter", "rows": "2"}],
    ],
)
def test_a_rule_that_cannot_be_understood_is_a_400_and_changes_nothing(http: Http, rules: Any) -> None:
    http.faults({"kind": "503"})
    response = http("PUT", "/sandbox/faults", json=rules)
    assert response.status_code == 400
    assert response.json()["message"]
    assert [rule["kind"] for rule in http.get("/sandbox/faults").json()] == ["503"]
