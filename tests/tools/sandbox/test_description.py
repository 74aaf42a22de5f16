"""Every answer has the fields of Alpaca's published description, with their types, and no others."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.tools.sandbox.client import KEY, Http

TABLE = json.loads(Path(__file__).with_name("alpaca_fields.json").read_text())
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def _is(value: Any, kind: str) -> bool:
    """Whether a value of an answer is of the kind that the table names."""
    if kind.endswith("?"):
        return value is None or _is(value, kind[:-1])
    if kind in TABLE["enums"]:
        return value in TABLE["enums"][kind]
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return type(value) is int
        case "number":
            return type(value) in (int, float)
        case "list" | "object":
            return isinstance(value, {"list": list, "object": dict}[kind])
    if not isinstance(value, str):
        return False
    match kind:
        case "text":
            return True
        case "uuid":
            return str(UUID(value)) == value
        case "decimal":
            return Decimal(value).is_finite() and "E" not in value
        case "date":
            return date.fromisoformat(value).isoformat() == value
        case "time":
            return _TIME.fullmatch(value) is not None and datetime.fromisoformat(value).tzinfo is not None
    raise AssertionError(f"the table has no kind {kind}")


def check(name: str, row: dict[str, Any]) -> None:
    fields = TABLE["objects"][name]
    sent = fields.keys() - set(TABLE["not_simulated"].get(name, ()))
    assert row.keys() == sent, f"{name}: {sorted(row.keys() ^ sent)}"
    assert {field: row[field] for field in row if not _is(row[field], fields[field])} == {}


@pytest.fixture
def busy(http: Http) -> Http:
    """An account with orders of every kind and in many states."""
    http.put("/prices", {"AAPL": "100", "MSFT": "50"})
    filled = http.order(qty="10").json()
    http.order(symbol="MSFT", side="sell", qty="3")
    http.order(qty=None, notional="12.34")
    http.order(type="limit", limit_price="9.5", extended_hours=True)
    http.order(type="stop", stop_price="500", time_in_force="gtc")
    http.order(type="stop_limit", stop_price="500", limit_price="501")
    resting = http.order(type="limit", limit_price="8").json()
    http("PATCH", f"/v2/orders/{resting['id']}", json={"limit_price": "7"})
    canceled = http.order(type="limit", limit_price="6").json()
    http("DELETE", f"/v2/orders/{canceled['id']}")
    part = http.order(type="limit", limit_price="5", qty="4").json()
    http("POST", f"/sandbox/accounts/{KEY}/orders/{part['id']}/fill", json={"qty": "1", "price": "5"})
    for status in ("expired", "rejected"):
        order = http.order(type="limit", limit_price="4").json()
        http("POST", f"/sandbox/accounts/{KEY}/orders/{order['id']}/end", json={"status": status})
    http("POST", f"/sandbox/accounts/{KEY}/orders/{filled['id']}/bust")
    return http


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Account", "/v2/account"),
        ("AccountConfigurations", "/v2/account/configurations"),
        ("Clock", "/v2/clock"),
        ("Asset", "/v2/assets/AAPL"),
        ("Position", "/v2/positions/MSFT"),
        ("Error", "/v2/positions/TSLA"),
    ],
)
def test_an_object_has_the_fields_of_the_description_and_no_others(busy: Http, name: str, path: str) -> None:
    check(name, busy.get(path).json())


@pytest.mark.parametrize(
    ("name", "path", "least"),
    [
        ("Order", "/v2/orders?status=all", 12),
        ("Position", "/v2/positions", 2),
        ("TradingActivities", "/v2/account/activities/FILL", 3),
        ("CalendarDay", "/v2/calendar?start=2026-11-20&end=2026-11-30", 6),
        ("Asset", "/v2/assets", 2),
    ],
)
def test_each_row_of_a_list_has_the_fields_of_the_description_and_no_others(
    busy: Http, name: str, path: str, least: int
) -> None:
    rows = busy.get(path).json()
    assert len(rows) >= least
    for row in rows:
        check(name, row)


def test_what_is_placed_replaced_closed_and_canceled_is_answered_as_described(busy: Http) -> None:
    order = busy.order(type="limit", limit_price="3").json()
    check("Order", order)
    check("Order", busy("PATCH", f"/v2/orders/{order['id']}", json={"qty": "2"}).json())
    closed = busy("DELETE", "/v2/positions?cancel_orders=true")
    assert closed.status_code == 207
    for row in closed.json():
        check("ClosedPosition", row)
        check("Order", row["body"])
    busy.order(type="limit", limit_price="2")
    canceled = busy("DELETE", "/v2/orders")
    assert (canceled.status_code, len(canceled.json())) == (207, 1)
    check("CanceledOrder", canceled.json()[0])


def test_what_alpaca_sends_no_more_is_not_sent(http: Http) -> None:
    for name, path in (("Account", "/v2/account"), ("AccountConfigurations", "/v2/account/configurations")):
        assert not http.get(path).json().keys() & set(TABLE["gone"][name])
        assert not TABLE["objects"][name].keys() & set(TABLE["gone"][name])


def test_the_table_names_its_source_and_knows_what_it_leaves_out() -> None:
    assert "2.0.1" in TABLE["source"]
    for name, fields in TABLE["not_simulated"].items():
        assert set(fields) <= TABLE["objects"][name].keys()
