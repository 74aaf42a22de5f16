"""What is asked of Alpaca: cancellations, closes and a suspension, each once, and every answer to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.broker.alpaca import Alpaca
from bot.broker.errors import (
    BrokerError,
    BrokerFailed,
    BrokerNotFound,
    BrokerRateLimited,
    BrokerRefused,
    BrokerUnauthorized,
)
from tests.bot import fake_account
from tests.bot.broker.garbled import garbled
from tests.bot.fake import Answer
from tests.bot.fake_account import FakeAccount, refusal
from tests.bot.fake_holdings import asset_id


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
