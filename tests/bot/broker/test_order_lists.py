"""Lists of orders and of fills: read to their end, exactly, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.broker.alpaca import MOST_PAGES, Alpaca
from bot.broker.readings import Fill
from tests.bot.broker.garbled import NO_AMOUNTS, garbled
from tests.bot.fake import Answer, Call
from tests.bot.fake_account import FakeAccount

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


# -- lists ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1234])
def test_the_orders_are_read_to_their_end(ours: FakeAccount, alpaca: Alpaca, count: int) -> None:
    ids = [ours.order("filled", at=NOON + timedelta(microseconds=n)) for n in range(count)]
    assert [order.id for order in alpaca.orders_since(None)] == ids[::-1]
    assert alpaca.requests <= count // 499 + 1
    assert ours.seen[0].query == {"status": "all", "limit": "500", "direction": "desc"}


def test_only_orders_since_then_and_only_open_ones_are_read(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.order("new", at=NOON - timedelta(microseconds=1))
    at_noon = ours.order("new", at=NOON)
    later = ours.order("filled", at=NOON + timedelta(hours=1))
    assert [order.id for order in alpaca.orders_since(NOON)] == [later, at_noon]
    assert [order.id for order in alpaca.orders_since(NOON, status="open")] == [at_noon]


@pytest.mark.parametrize("after", [FIRST, LAST])
def test_orders_since_ever_can_be_asked_for(ours: FakeAccount, alpaca: Alpaca, after: datetime) -> None:
    ours.order("new")
    assert len(alpaca.orders_since(after)) == (after == FIRST)


def test_orders_of_one_moment_are_not_lost_between_two_pages(ours: FakeAccount, alpaca: Alpaca) -> None:
    ids = [ours.order(at=NOON + timedelta(seconds=n)) for n in range(498)]
    ids += [ours.order(at=NOON - timedelta(seconds=1)) for _ in range(6)]
    ids += [ours.order(at=NOON - timedelta(seconds=2))]
    assert {order.id for order in alpaca.orders_since(None, status="open")} == set(ids)


def test_an_order_that_was_not_submitted_yet_is_read(ours: FakeAccount, alpaca: Alpaca) -> None:
    waiting = ours.order("accepted", submitted_at=None)
    for n in range(500):
        ours.order(at=NOON + timedelta(seconds=n))
    orders = alpaca.orders_since(None)
    assert len(orders) == 501
    assert (orders[0].id, orders[0].submitted_at) == (waiting, None)


def test_a_list_of_orders_that_does_not_end_is_garbled(ours: FakeAccount, alpaca: Alpaca) -> None:
    for _ in range(500):
        ours.order(at=NOON)
    garbled(lambda: alpaca.orders_since(None), "does not end")
    pages = []

    def new_ones(call: Call) -> Answer:
        pages.append(call)
        rows = list(ours.orders.values())
        return Answer([{**row, "id": f"{len(pages)}-{n}"} for n, row in enumerate(rows)])

    ours.says("/v2/orders", new_ones)
    garbled(lambda: alpaca.orders_since(None), f"more than {MOST_PAGES} pages")
    assert len(pages) == MOST_PAGES


def test_a_full_page_without_times_is_garbled(ours: FakeAccount, alpaca: Alpaca) -> None:
    for _ in range(500):
        ours.order(submitted_at=None)
    garbled(lambda: alpaca.orders_since(None), "submitted")


@pytest.mark.parametrize("body", [{}, None, "x", 7, [None], [[]], ["x"], [{}], b"[", b""])
def test_a_list_that_makes_no_sense_is_garbled(ours: FakeAccount, alpaca: Alpaca, body: Any) -> None:
    ours.says("/v2/", Answer(body))
    garbled(lambda: alpaca.orders_since(None))
    garbled(lambda: alpaca.fills_since(NOON))


def test_one_malformed_row_makes_the_whole_list_garbled(ours: FakeAccount, alpaca: Alpaca) -> None:
    for _ in range(3):
        ours.fill(ours.order("new", qty=2), 1)
    list(ours.orders.values())[1]["filled_qty"] = "1e999999"
    ours.fills[2]["qty"] = "1e999999"
    garbled(lambda: alpaca.orders_since(None), "filled_qty")
    garbled(lambda: alpaca.fills_since(NOON), "qty")


# -- fills ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 345])
def test_the_fills_are_read_to_their_end_exactly(ours: FakeAccount, alpaca: Alpaca, count: int) -> None:
    before, order_id = ours.order("new", qty=None), ours.order("new", "BTC/USD", None, side="sell")
    ours.fill(before, 5, 1, NOON - timedelta(microseconds=1))
    ids = [ours.fill(order_id, "0.000000001", "60000.123456789", NOON) for _ in range(count)]
    fills = alpaca.fills_since(NOON)
    assert fills == [
        Fill(
            id=fill_id,
            order_id=order_id,
            symbol="BTC/USD",
            shares=Decimal("-0.000000001"),
            price=Decimal("60000.123456789"),
            at=NOON,
        )
        for fill_id in ids
    ]
    assert alpaca.requests == count // 100 + 1
    assert [call.query.get("page_token") for call in ours.seen] == [None, *ids[99::100]]


def test_a_list_of_fills_that_does_not_end_is_garbled(ours: FakeAccount, alpaca: Alpaca) -> None:
    order_id = ours.order("new", qty=None)
    for _ in range(100):
        ours.fill(order_id, 1)
    ours.says("/v2/account/activities/FILL", Answer(ours.fills))
    garbled(lambda: alpaca.fills_since(NOON), "does not end")


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1), ("sell_short", -1)])
def test_a_sale_is_negative(ours: FakeAccount, alpaca: Alpaca, side: str, sign: int) -> None:
    ours.fill(ours.order("new", side=side), 3)
    [fill] = alpaca.fills_since(NOON)
    assert fill.shares == 3 * sign


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", None),
        ("order_id", None),
        ("order_id", 7),
        ("symbol", ""),
        ("activity_type", "DIV"),
        ("activity_type", None),
        ("type", "trade_bust"),
        ("type", None),
        ("qty", "0"),
        ("qty", "-1"),
        ("price", "-1"),
        ("side", "hold"),
        ("side", None),
        ("transaction_time", None),
        ("transaction_time", "2026-11-20"),
        *((name, amount) for name in ("qty", "price") for amount in [*NO_AMOUNTS, None]),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_fill_that_makes_no_sense_is_garbled(
    ours: FakeAccount, alpaca: Alpaca, name: str, value: Any
) -> None:
    ours.fill(ours.order("new"), 3)
    ours.fills[0][name] = value
    ours.says("/v2/account/activities/FILL", Answer(ours.fills))
    garbled(lambda: alpaca.fills_since(NOON), name)
