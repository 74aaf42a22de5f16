"""The sandbox's answers have the shape of Alpaca's own, as public sources show them: what is null, text or a truth where."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bot.broker.account_shapes import ACCOUNTS
from tests.bot.broker.shapes import FILLS, ORDERS, POSITIONS
from tests.tools.sandbox.client import Http

SHAPES = {shape.name: shape.row for shape in (*ORDERS, *POSITIONS, *FILLS, *ACCOUNTS)}


def check(row: dict[str, Any], shape: str) -> None:
    kinds, expected = ({name: type(value) for name, value in each.items()} for each in (row, SHAPES[shape]))
    assert {name: kind for name, kind in kinds.items() if expected.get(name) is not kind} == {}
    assert kinds.keys() == expected.keys()


@pytest.fixture
def waiting(http: Http) -> dict[str, Any]:
    """A limit order that waits."""
    http.put("/fills", {"hold": True})
    made: dict[str, Any] = http.order(qty="40", type="limit", limit_price="90").json()
    return made


def test_the_account_has_the_shape_of_one_that_may_trade(http: Http) -> None:
    check(http.get("/v2/account").json(), "that may trade")


def test_a_new_order_has_the_shape_of_one_that_was_accepted(http: Http) -> None:
    check(http.order().json(), "accepted")


def test_an_order_its_position_and_its_fill_have_theirs(http: Http, waiting: dict[str, Any]) -> None:
    part = http.act(waiting, "fill", qty="15", price="10.24")
    # whether Alpaca says when a part was filled is not known; its fills do
    check({**part, "filled_at": None}, "partly filled")
    check(http.get("/v2/positions").json()[0], "long")
    check(http.fills()[0], "a part")


def test_so_has_an_order_that_was_cancelled_in_part(http: Http, waiting: dict[str, Any]) -> None:
    http.act(waiting, "fill", qty="15", price="10.24")
    http("DELETE", f"/v2/orders/{waiting['id']}")
    row = {**http.seen(waiting), "limit_price": None}  # the shape is of a market order
    check({**row, "filled_at": None}, "cancelled in part")


def test_so_have_a_replaced_order_and_its_successor(http: Http, waiting: dict[str, Any]) -> None:
    successor = http("PATCH", f"/v2/orders/{waiting['id']}", json={"limit_price": "91"}).json()
    check({**http.seen(waiting), "limit_price": None}, "replaced")
    check({**successor, "limit_price": None}, "the one that replaced it")
