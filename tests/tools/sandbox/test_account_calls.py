"""The account's settings, its fills page by page, and the calendar."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.requests import GetCalendarRequest

from tests.tools.sandbox.client import KEY, Http


def test_a_suspended_account_refuses_new_orders_and_says_so(alpaca: Any, http: Http) -> None:
    settings = alpaca.get_account_configurations()
    assert (settings.suspend_trade, settings.no_shorting, settings.dtbp_check) == (False, False, None)
    http.positions(AAPL=1)
    settings.suspend_trade = True
    assert alpaca.set_account_configurations(settings).suspend_trade is True
    assert alpaca.get_account().trade_suspended_by_user is True
    assert http.order().json() == {"code": 40310000, "message": "new orders are rejected by user request"}
    with pytest.raises(APIError) as refusal:
        alpaca.close_position("AAPL")
    assert refusal.value.status_code == 403
    assert http("PATCH", "/v2/account/configurations", json={"suspend_trade": False}).ok
    assert http.order().status_code == 200


@pytest.mark.parametrize(
    "body", [[], {"suspend_trade": "yes"}, {"suspend_trade": 1}, {"max_margin_multiplier": 3}]
)
def test_a_setting_that_makes_no_sense_changes_nothing(http: Http, body: Any) -> None:
    before = http.get("/v2/account/configurations").json()
    assert http("PATCH", "/v2/account/configurations", json=body).status_code in (400, 422)
    assert http.get("/v2/account/configurations").json() == before


def test_settings_that_are_gone_are_not_missed(http: Http) -> None:
    body = {"pdt_check": "entry", "dtbp_check": None, "no_shorting": True}
    answer = http("PATCH", "/v2/account/configurations", json=body)
    assert (answer.status_code, answer.json()["no_shorting"], "pdt_check" in answer.json()) == (
        200,
        True,
        False,
    )
    assert http.get("/v2/account").json()["shorting_enabled"] is False


@pytest.fixture
def traded(http: Http) -> Http:
    """Seven trades, one a day."""
    http.put("/prices", {"AAPL": "100"})
    for day in range(10, 17):
        http.pull("trades", symbol="AAPL", side="buy", qty="1", price=day, at=f"2026-11-{day}T15:00:00.25Z")
    return http


def days(rows: list[dict[str, Any]]) -> list[str]:
    return [row["price"] for row in rows]


def test_fills_come_newest_first_in_pages_that_go_on_behind_the_last_id(traded: Http) -> None:
    first = traded.fills("page_size=3")
    assert days(first) == ["16", "15", "14"]
    second = traded.fills(f"page_size=3&page_token={first[-1]['id']}")
    third = traded.fills(f"page_size=3&page_token={second[-1]['id']}")
    assert days(second + third) == ["13", "12", "11", "10"]
    assert traded.fills(f"page_token={third[-1]['id']}") == []
    assert first[0]["id"].startswith("20261116100000250::"), "the time in New York, then a UUID"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("direction=asc&page_size=2", ["10", "11"]),
        ("after=2026-11-15", ["16", "15"]),
        ("after=2026-11-14T15:00:00.25Z&until=2026-11-16T00:00:00Z", ["15"]),
        ("date=2026-11-12", ["12"]),
        ("order_id=0b7f0f6a-1f2b-4a2e-9a64-0d6a5ce5b3a1", []),
    ],
)
def test_fills_are_chosen_by_time_day_and_order(traded: Http, query: str, expected: list[str]) -> None:
    assert days(traded.fills(query)) == expected


@pytest.mark.parametrize(
    "query", ["page_size=0", "page_size=101", "page_token=x", "after=soon", "date=x", "direction=up"]
)
def test_a_bad_query_for_fills_is_a_422(traded: Http, query: str) -> None:
    assert traded.get(f"/v2/account/activities/FILL?{query}").status_code == 422


def test_fills_are_an_activity_among_others(traded: Http, alpaca: Any) -> None:
    for query, count in {
        "activity_types=FILL": 7,
        "activity_types=DIV": 0,
        "activity_types=DIV,FILL": 7,
    }.items():
        assert len(traded.get(f"/v2/account/activities?{query}").json()) == count
    assert traded.get("/v2/account/activities/DIV").json() == []
    assert len(alpaca.get("/account/activities", {"category": "trade_activity"})) == 7


def test_the_calendar_knows_holidays_and_half_days(alpaca: Any, http: Http) -> None:
    found = alpaca.get_calendar(GetCalendarRequest(start=date(2026, 11, 25), end=date(2026, 11, 30)))
    assert [(day.date.day, day.close.hour) for day in found] == [(25, 16), (27, 13), (30, 16)]
    rows = http.get("/v2/calendar?start=2026-11-25&end=2026-11-27").json()
    assert [(r["session_open"], r["session_close"], r["settlement_date"]) for r in rows] == [
        ("0400", "2000", "2026-11-27"),
        ("0400", "1700", "2026-11-30"),
    ]
    assert http.get("/v2/calendar?start=tomorrow").status_code == 422


@pytest.mark.parametrize(("decimals", "length"), [(9, 35), (6, 32), (0, 25)])
def test_the_clock_has_as_many_decimals_as_it_is_told(
    http: Http, alpaca: Any, decimals: int, length: int
) -> None:
    http.put("/clock", {"is_open": True, "decimals": decimals})
    assert len(http.get("/v2/clock").json()["timestamp"]) == length
    assert alpaca.get_clock().is_open is True


def test_assets_are_listed_once_they_were_seen(alpaca: Any, http: Http) -> None:
    http.positions(AAPL=1)
    http.order(symbol="MSFT")
    assert [asset.symbol for asset in alpaca.get_all_assets()] == ["AAPL", "MSFT"]


def test_every_movement_of_cash_is_in_the_ledger_to_the_last_digit(http: Http) -> None:
    http.put("/prices", {"AAPL": "33.3333"})
    http.order(qty="3")
    http.order(side="sell", qty="1")
    http.put(f"/accounts/{KEY}", {"cash": "50"})
    rows = http.get(f"/sandbox/accounts/{KEY}/cash").json()
    assert [(row["kind"], row["amount"], row["balance"]) for row in rows] == [
        ("deposit", "100000", "100000"),
        ("fill", "-99.9999", "99900.0001"),
        ("fill", "33.3333", "99933.3334"),
        ("adjustment", "-99883.3334", "50"),
    ]
    assert http.get("/v2/account").json()["cash"] == "50"
    assert rows[1]["fill_id"] == http.fills("direction=asc")[0]["id"]
