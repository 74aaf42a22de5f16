"""One order and the chain that it is a link of: read exactly, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.broker.alpaca import MOST_REPLACEMENTS, Alpaca
from bot.broker.errors import (
    BrokerError,
    BrokerFailed,
    BrokerGarbled,
    BrokerUnauthorized,
)
from bot.broker.readings import Order
from tests.bot import fake_account
from tests.bot.broker.garbled import NO_AMOUNTS, garbled
from tests.bot.fake import Answer
from tests.bot.fake_account import FakeAccount, refusal
from tests.bot.fake_holdings import asset_id

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


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
