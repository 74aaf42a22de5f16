"""A long and a short trade of one symbol: both are the books' own, and the broker holds what is left of them."""

from __future__ import annotations

from typing import Any

import requests

from tests.support.broker import KEYS
from tests.support.stack import Stack


def order(stack: Stack, side: str, shares: int, name: str | None = None) -> dict[str, Any]:
    """An order with this name, once it has filled."""
    key, secret = KEYS["paper"]
    headers = {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret}
    body = {"symbol": "ACME", "qty": str(shares), "side": side, "type": "market", "time_in_force": "day"}
    if name:
        body["client_order_id"] = name
    sent = requests.post(f"{stack.broker.url}/v2/orders", json=body, headers=headers, timeout=10)
    assert sent.ok, sent.text

    def filled() -> dict[str, Any]:
        address = f"{stack.broker.url}/v2/orders/{sent.json()['id']}"
        found: dict[str, Any] = requests.get(address, headers=headers, timeout=10).json()
        return found if found["status"] == "filled" else {}

    return stack.wait_for(filled, 15, "the order has filled")


def enter(stack: Stack, shares: int) -> str:
    """A trade as an executor records it: reserved, then its order and its fill. Its id."""
    bot = stack.api("bot")
    opened = bot.post("/trades", {"symbol": "ACME", "shares": shares, "entryPrice": 10})
    assert opened.status_code == 201, opened.text
    trade: str = opened.json()["id"]
    # named as docs/extending.md says: the beat may reconcile before it is recorded
    done = order(stack, "buy" if shares > 0 else "sell", abs(shares), trade)
    fill = {"alpacaOrderId": done["id"], "shares": shares, "entryPrice": done["filled_avg_price"]}
    assert bot.post(f"/trades/{trade}/entry", fill).status_code == 200
    return trade


def test_a_short_trade_may_be_opened_beside_a_long_one_and_each_ends_by_its_own_exit(stack: Stack) -> None:
    stack.api().do("/start")
    stack.wait_for(lambda: stack.api().read("/gate")["mayOpen"], 15, "the gate is open")
    long, short = enter(stack, 10), enter(stack, -4)
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    [held] = stack.api().read("/positions")["items"]
    assert (held["symbol"], held["brokerShares"], held["bookShares"]) == ("ACME", 6, 6)
    assert set(held["tradeIds"]) == {long, short}
    assert stack.api().read("/gate")["mayOpen"], "the books agree with what is left"

    order(stack, "buy", 4)  # which no program records: reconciliation finds it
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    bot = stack.api("bot")
    assert (bot.read(f"/trades/{short}")["status"], bot.read(f"/trades/{long}")["status"]) == (
        "closed",
        "open",
    )
    order(stack, "sell", 10)
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    assert bot.read(f"/trades/{long}")["status"] == "closed"
    assert stack.api().read("/positions")["items"] == []
    assert stack.api().read("/gate")["mayOpen"]


def test_a_sale_that_was_taken_for_an_exit_before_its_program_recorded_it_enters_the_short_trade(
    stack: Stack,
) -> None:
    stack.api().do("/start")
    stack.wait_for(lambda: stack.api().read("/gate")["mayOpen"], 15, "the gate is open")
    bot, long = stack.api("bot"), enter(stack, 10)
    short = bot.post("/trades", {"symbol": "ACME", "shares": -4, "entryPrice": 10}).json()["id"]
    done = order(stack, "sell", 4)  # nothing tells it from a sale by hand
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    assert bot.read(f"/trades/{long}")["exitedShares"] == 4

    fill = {"alpacaOrderId": done["id"], "shares": -4, "entryPrice": done["filled_avg_price"]}
    assert bot.post(f"/trades/{short}/entry", fill).status_code == 200
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    assert bot.read(f"/trades/{long}")["exitedShares"] == 0
    [held] = stack.api().read("/positions")["items"]
    assert (held["brokerShares"], held["bookShares"]) == (6, 6)
    assert stack.api().read("/gate")["mayOpen"]
