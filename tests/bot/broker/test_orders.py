"""Orders, chains and fills: read to their end, exactly, or not at all; and what is asked of Alpaca."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.broker.alpaca import MOST_PAGES, MOST_REPLACEMENTS, Alpaca
from bot.broker.errors import (
    BrokerError,
    BrokerFailed,
    BrokerGarbled,
    BrokerNotFound,
    BrokerRateLimited,
    BrokerRefused,
    BrokerUnauthorized,
)
from bot.broker.readings import Fill, Order
from tests.bot import fake_account
from tests.bot.broker.test_readings import NO_AMOUNTS, garbled
from tests.bot.fake import Answer, Call
from tests.bot.fake_account import FakeAccount, asset_id, refusal

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def found(order: Order | None) -> Order:
    assert order is not None
    return order


# -- one order --------------------------------------------------------------------------------------------------


def test_an_order_is_read_whole_by_either_id(ours: FakeAccount, alpaca: Alpaca) -> None:
    order_id = ours.order("new", "BRK.B", "2.5", side="sell", client_order_id="mine-exit-1", at=NOON)
    ours.fill(order_id, 1, "410.1", NOON + timedelta(seconds=1))
    ours.fill(order_id, "0.5", "410.7", NOON + timedelta(seconds=2))
    expected = Order(
        id=order_id,
        client_order_id="mine-exit-1",
        symbol="BRK.B",
        asset_id=asset_id("BRK.B"),
        side=-1,
        status="partially_filled",
        quantity=Decimal("2.5"),
        filled=Decimal("1.5"),
        average_price=Decimal("410.3"),
        submitted_at=NOON,
        filled_at=NOON + timedelta(seconds=2),
        replaces=None,
        replaced_by=None,
    )
    assert alpaca.order(order_id) == expected
    assert alpaca.order(order_id.upper()) == expected
    assert alpaca.order_by_client_id("mine-exit-1") == expected
    assert (expected.is_working, expected.left) == (True, Decimal(1))


def test_an_order_by_amount_and_one_of_several_legs_are_orders(ours: FakeAccount, alpaca: Alpaca) -> None:
    amount = found(alpaca.order(ours.order("new", qty=None, notional="500")))
    assert (amount.quantity, amount.left, amount.side) == (None, None, 1)
    for nothing in ("", None):
        legs = ours.order("new", order_class="mleg")
        ours.orders[legs] |= {"symbol": nothing, "asset_id": nothing, "side": nothing}
        order = found(alpaca.order(legs))
        assert (order.symbol, order.asset_id, order.side) == ("", "", 0)


def test_a_bust_takes_back_what_was_filled_and_leaves_the_price(ours: FakeAccount, alpaca: Alpaca) -> None:
    order_id = ours.order("new", qty=10)
    ours.fill(order_id, 10, 5)
    ours.bust(order_id)
    order = found(alpaca.order(order_id))
    assert (order.status, order.filled, order.average_price) == ("filled", Decimal(0), Decimal(5))


def test_an_order_that_alpaca_does_not_know_is_none(ours: FakeAccount, alpaca: Alpaca) -> None:
    assert alpaca.order(str(uuid4())) is None
    assert alpaca.order("not-a-uuid") is None, "Alpaca answers that with a 422"
    assert alpaca.order_by_client_id("nobody's") is None
    assert alpaca.requests == 3
    for nothing in ("", ".", "..", "a\nb", "\ud800"):
        assert alpaca.order(nothing) is None
        assert alpaca.order_by_client_id(nothing) is None
    assert alpaca.order_by_client_id("x" * 129) is None
    assert alpaca.requests == 3, "no order has such an id, and it would lead to another path"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (fake_account.NO_POSITION, BrokerFailed),
        (fake_account.NO_ENDPOINT, BrokerFailed),
        (refusal(404, 40410001, "order not found"), BrokerFailed),
        (refusal(404, 40410000, ""), BrokerFailed),
        (refusal(200, 40410000, "order not found"), BrokerGarbled),
        (refusal(410, 40410000, "order not found"), BrokerFailed),
        (refusal(422, 40010001, "order_id is missing"), BrokerFailed),
        (refusal(422, 42210000, "order not found"), BrokerFailed),
        (refusal(403, 40310000, "no"), BrokerUnauthorized),
        (Answer(b"<html>order not found</html>", 404), BrokerFailed),
        (Answer(b"", 204), BrokerFailed),
        (Answer([], 200), BrokerGarbled),
        (Answer(None, 200), BrokerGarbled),
    ],
)
def test_nothing_else_says_that_there_is_no_order(
    ours: FakeAccount, alpaca: Alpaca, answer: Answer, error: type[BrokerError]
) -> None:
    ours.says("/v2/orders", answer)
    for call in (lambda: alpaca.order(str(uuid4())), lambda: alpaca.order_by_client_id("mine")):
        with pytest.raises(BrokerError) as caught:
            call()
        assert type(caught.value) is error


def test_a_422_for_an_id_that_is_no_uuid_counts_with_its_code_only(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.says("/v2/orders", refusal(422, 42210000, "order_id is missing"))
    with pytest.raises(BrokerFailed):
        alpaca.order("not-a-uuid")


def test_another_order_than_the_one_asked_for_is_garbled(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.says("/v2/orders", Answer(ours.orders[ours.order("filled", client_order_id="a")]))
    garbled(lambda: alpaca.order(str(uuid4())), "not asked for")
    garbled(lambda: alpaca.order_by_client_id("b"), "not asked for")


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=lambda amount: repr(amount)[:20])
def test_an_order_whose_amounts_make_no_sense_is_garbled(
    ours: FakeAccount, alpaca: Alpaca, amount: Any
) -> None:
    for name in ("qty", "filled_qty", "filled_avg_price"):
        order_id = ours.order("new")
        ours.orders[order_id][name] = amount
        garbled(lambda order_id=order_id: alpaca.order(order_id), order_id, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", None),
        ("id", 7),
        ("client_order_id", 7),
        ("symbol", 7),
        ("asset_id", []),
        ("status", None),
        ("status", ""),
        ("status", 7),
        ("side", None),
        ("side", "hold"),
        ("side", []),
        ("qty", "-1"),
        ("filled_qty", "-1"),
        ("filled_qty", None),
        ("submitted_at", "yesterday"),
        ("filled_at", 7),
        ("replaces", 7),
        ("replaced_by", {}),
        ("replaced_by", "\ud800"),
    ],
)
def test_an_order_that_lacks_sense_is_garbled(
    ours: FakeAccount, alpaca: Alpaca, name: str, value: Any
) -> None:
    order_id = ours.order("new")
    ours.says("/v2/orders", Answer({**ours.orders[order_id], name: value}))
    garbled(lambda: alpaca.order(order_id), name)


# -- chains -----------------------------------------------------------------------------------------------------


def test_a_chain_is_followed_to_its_end(ours: FakeAccount, alpaca: Alpaca) -> None:
    ids = [ours.order("new")]
    while len(ids) <= MOST_REPLACEMENTS:
        ids.append(ours.replace(ids[-1], qty=str(len(ids))))
    links = alpaca.chain(found(alpaca.order(ids[0])))
    assert [link.id for link in links] == ids
    assert [link.status for link in links] == ["replaced"] * MOST_REPLACEMENTS + ["new"]
    assert alpaca.chain(links[-1]) == [links[-1]]
    ids.append(ours.replace(ids[-1]))
    garbled(lambda: alpaca.chain(links[0]), "more than 10 times")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_chain_that_is_a_circle_is_garbled(ours: FakeAccount, alpaca: Alpaca, length: int) -> None:
    ids = [ours.order("replaced") for _ in range(length)]
    for n, order_id in enumerate(ids):
        ours.orders[order_id]["replaced_by"] = ids[(n + 1) % length].upper()
    order = found(alpaca.order(ids[0]))
    garbled(lambda: alpaca.chain(order), "circle")


def test_a_chain_whose_next_link_is_not_to_be_found_ends_in_a_replaced_order(
    ours: FakeAccount, alpaca: Alpaca
) -> None:
    first = ours.order("new")
    second = ours.replace(first)
    order = found(alpaca.order(first))
    ours.orders[second]["replaces"] = str(uuid4())
    garbled(lambda: alpaca.chain(order), second)
    del ours.orders[second]
    assert [link.status for link in alpaca.chain(order)] == ["replaced"]
    ours.orders[first]["replaced_by"] = None
    assert [link.status for link in alpaca.chain(found(alpaca.order(first)))] == ["replaced"]


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


# -- writes -----------------------------------------------------------------------------------------------------


def test_an_order_is_cancelled_once(ours: FakeAccount, alpaca: Alpaca) -> None:
    order_id = ours.order("new")
    alpaca.cancel_order(order_id)
    assert ours.orders[order_id]["status"] == "canceled"
    with pytest.raises(BrokerRefused, match='order is already in "canceled" state'):
        alpaca.cancel_order(order_id)
    for unknown in (str(uuid4()), "..", ""):
        with pytest.raises(BrokerNotFound):
            alpaca.cancel_order(unknown)


def test_all_orders_are_cancelled_and_those_that_are_not_are_named(ours: FakeAccount, alpaca: Alpaca) -> None:
    assert alpaca.cancel_all_orders() == []
    working = [ours.order("new"), ours.order("accepted")]
    filled = ours.order("filled")
    assert alpaca.cancel_all_orders() == []
    assert [ours.orders[order]["status"] for order in working] == ["canceled", "canceled"]
    assert ours.orders[filled]["status"] == "filled"
    ours.says("/v2/orders", Answer([{"id": "a", "status": 200}, {"id": "b", "status": 422, "body": {}}], 207))
    assert alpaca.cancel_all_orders() == ["b"]


@pytest.mark.parametrize(
    "body", [{}, [None], [{}], [{"id": "a", "status": "200"}], [{"id": 1, "status": 200}]]
)
def test_an_answer_to_a_cancellation_that_makes_no_sense_is_garbled(
    ours: FakeAccount, alpaca: Alpaca, body: Any
) -> None:
    ours.says("/v2/orders", Answer(body, 207))
    garbled(alpaca.cancel_all_orders)


def test_a_position_is_closed_whole_or_in_part_by_symbol_or_asset(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.position("BTC/USD", "1.5")
    ours.position("TSLA", -7)
    whole = alpaca.close_position("BTC/USD")
    assert (whole.symbol, whole.side, whole.quantity) == ("BTC/USD", -1, Decimal("1.5"))
    part = alpaca.close_position(asset_id("TSLA"), Decimal("2"))
    assert (part.symbol, part.side, part.quantity) == ("TSLA", 1, Decimal(2))
    alpaca.close_position("BTC/USD", Decimal("1E-9"))
    assert ours.seen[-1].query == {"qty": "0.000000001"}


def test_what_alpaca_will_not_do_is_rejected_in_its_own_words(ours: FakeAccount, alpaca: Alpaca) -> None:
    ours.position("AAPL", 10, held=10)
    with pytest.raises(BrokerRefused) as caught:
        alpaca.close_position("AAPL")
    assert "insufficient qty available for order (requested: 10)." in str(caught.value)
    assert caught.value.details == {"code": 40310000}
    with pytest.raises(BrokerNotFound):
        alpaca.close_position("MSFT")
    with pytest.raises(BrokerNotFound):
        alpaca.close_position("..")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(403, 40310000, "no"), BrokerRefused),
        (refusal(403, 40310001, "no"), BrokerUnauthorized),
        (Answer({"message": "forbidden."}, 403), BrokerUnauthorized),
        (Answer({"message": "unauthorized."}, 401), BrokerUnauthorized),
        (refusal(422, 42210000, "no"), BrokerRefused),
        (Answer(b"", 422), BrokerRefused),
        (fake_account.NO_ENDPOINT, BrokerFailed),
        (refusal(429, 42910000, "rate limit exceeded"), BrokerRateLimited),
        (Answer(b"", 500), BrokerFailed),
        (Answer(b"", 504), BrokerFailed),
        (Answer(b"", 201), BrokerFailed),
    ],
)
def test_every_answer_to_a_write_is_the_right_error(
    ours: FakeAccount, alpaca: Alpaca, answer: Answer, error: type[BrokerError]
) -> None:
    ours.says("/v2/", answer)
    for write in (
        lambda: alpaca.cancel_order(str(uuid4())),
        alpaca.cancel_all_orders,
        lambda: alpaca.close_position("AAPL"),
        lambda: alpaca.set_suspend_trade(True),
    ):
        calls = len(ours.seen)
        with pytest.raises(BrokerError) as caught:
            write()
        assert type(caught.value) is error
        assert len(ours.seen) == calls + 1, "nothing is sent twice"


def test_trading_is_suspended_and_resumed(ours: FakeAccount, alpaca: Alpaca) -> None:
    assert not alpaca.suspends_trade()
    alpaca.set_suspend_trade(True)
    assert alpaca.suspends_trade()
    assert alpaca.account().blocks == ("trade_suspended_by_user",)
    alpaca.set_suspend_trade(False)
    assert not ours.suspended
    ours.says("/v2/account/configurations", Answer({"suspend_trade": False}))
    garbled(lambda: alpaca.set_suspend_trade(True), "not changed")
    ours.says("/v2/account/configurations", Answer({"suspend_trade": "false"}))
    garbled(alpaca.suspends_trade)
