"""The example bot as a process of its own: it obeys, and it records what the broker has."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from decimal import Decimal

import pytest
import requests

from examples.clients import Broker
from examples.demo_bot import WATCHLIST
from sandbox.server import Server
from tests.examples.demo import KEY, ROOT, SECRET, SPEED, Demo


@pytest.mark.parametrize("speed", [pytest.param(1.0, marks=pytest.mark.long), SPEED])
def test_it_trades_within_the_limit_and_records_what_the_broker_has(demo: Demo) -> None:
    demo.process.start()
    first = demo.wait_for_open()[0]
    # a profit, and still less than it pays for any of them: what it buys again is filled, too
    gain = Decimal("0.25")
    assert max(first["entry_price"] + gain, Decimal("7.75")) < min(map(Decimal, WATCHLIST.values()))
    demo.stack.broker.control("PUT", "/prices", {first["symbol"]: str(first["entry_price"] + gain)})
    closed = demo.wait("the first is sold", lambda: demo.trades("status = 'closed'"))[0]
    assert (closed["id"], closed["exit_reason"]) == (first["id"], "profit_target")
    assert closed["pnl"] == closed["shares"] * gain > 0
    demo.hold(2)
    demo.wait("three were sold", lambda: len(demo.trades("status = 'closed'")) >= 3)
    demo.flatten()
    assert demo.agrees()
    moments = sorted(
        [(row["created_at"], 1) for row in demo.trades()] + [(row["updated_at"], -1) for row in demo.trades()]
    )
    count = most = 0
    for _, change in moments:
        count += change
        most = max(most, count)
    assert most <= 2
    assert {row["exit_reason"] for row in demo.trades()} == {"profit_target", "time_exit"}
    assert demo.process.terminate() == 0


def test_paused_it_opens_nothing_and_still_exits_what_is_open(demo: Demo) -> None:
    demo.process.start()
    demo.wait_for_open(2)
    demo.flatten()
    known = len(demo.trades())
    time.sleep(4 / demo.speed)  # longer than it takes between two entries
    assert len(demo.trades()) == known
    assert demo.agrees()
    demo.stack.api().do("/resume")
    demo.wait("it trades again", lambda: len(demo.trades()) > known)


def test_what_was_sold_by_hand_it_does_not_sell_again(demo: Demo) -> None:
    demo.process.start()
    trade = demo.wait_for_open()[0]
    some = str(trade["shares"] - 1)
    sale = {"symbol": trade["symbol"], "side": "sell", "qty": some}
    demo.stack.broker.control("POST", f"/accounts/{KEY}/trades", sale)
    demo.stack.api().do("/pause")
    demo.stack.api().do("/reconcile")
    demo.wait("the rest is sold", lambda: not demo.account()["positions"])
    demo.stack.api().do("/reconcile")
    demo.wait("all is booked", lambda: not demo.trades("status = 'open'"))
    assert demo.agrees()
    assert demo.intents() == {"buy_to_open", "sell_to_close"}, "nothing is sold that is not there"


def test_it_leaves_the_selling_to_a_flatten(demo: Demo) -> None:
    demo.process.start()
    demo.wait_for_open(2)
    demo.stack.api().do("/flatten")
    demo.wait("all is booked", lambda: not demo.trades("status = 'open'"), 40)
    demo.wait("it is flat", lambda: demo.stack.api().get("/flatten").json()["state"] == "flat", 40)
    assert demo.agrees()
    assert demo.intents() == {"buy_to_open", "sell_to_close"}, "nothing is sold that is not there"


@pytest.mark.parametrize("halt", ["stop", "kill"])
def test_stopped_it_does_nothing_even_with_positions_open(demo: Demo, halt: str) -> None:
    demo.process.start()
    demo.wait_for_open(2)
    demo.hold(1)
    demo.stack.api().do(f"/{halt}")
    demo.wait("it has heard", lambda: "not_running" in demo.process.log().splitlines()[-1])
    demo.stack.broker.forget()
    before = demo.trades()
    time.sleep(1 + 3 / demo.speed)  # longer than positions are held
    assert [call for call in demo.stack.broker.calls() if call["method"] != "GET"] == [], "Pitboss only reads"
    learned = dict.fromkeys(("asset_id", "updated_at"))  # by reconciliation, which goes on
    assert [{**row, **learned} for row in demo.trades()] == [{**row, **learned} for row in before]
    assert len(demo.account()["positions"]) == len(demo.trades("status = 'open'")) > 0


def test_an_order_that_does_not_fill_is_canceled_and_its_trade_withdrawn(demo: Demo) -> None:
    demo.stack.broker.control("PUT", "/fills", {"hold": True})
    demo.process.start()
    demo.wait("it is withdrawn", lambda: demo.trades("status = 'void'"))
    assert demo.trades()[0]["note"] == "The order is canceled; nothing filled."
    assert demo.orders()[0]["status"] == "canceled"


def test_an_exit_that_filled_in_part_sells_what_is_left_and_records_the_average_price(demo: Demo) -> None:
    demo.process.start()
    demo.wait_for_open()
    demo.stack.api().do("/pause")
    trade = demo.trades("status = 'open'")[0]
    demo.stack.broker.control("PUT", "/fills", {"hold": True})
    demo.hold(1)
    first = demo.wait("its exit waits to fill", lambda: demo.orders(f"{trade['id']}-exit"))[0]
    # 3 of them fill at 7, and it is canceled for the rest
    demo.act(first["id"], "fill", qty="3", price="7")
    demo.stack.broker.control("PUT", "/fills", {"hold": False})
    demo.wait("all is sold", lambda: not demo.trades("status = 'open'"))
    orders = demo.orders(f"{trade['id']}-exit")
    assert [(row["status"], Decimal(row["qty"])) for row in orders] == [
        ("canceled", trade["shares"]),
        ("filled", trade["shares"] - 3),
    ]
    closed = demo.trades(f"id = '{trade['id']}'")[0]
    average = (3 * 7 + (trade["shares"] - 3) * Decimal("7.50")) / trade["shares"]
    assert closed["exit_price"] == round(average, 9)
    assert closed["alpaca_exit_order_id"] == orders[1]["id"]
    assert demo.account()["positions"] == []


@pytest.mark.parametrize("filled_before", [0, 3])
def test_an_order_that_was_replaced_in_the_dashboard_is_followed_to_its_fill(
    demo: Demo, filled_before: int
) -> None:
    """An order that was replaced is not finished: its trade is neither withdrawn nor recorded in part."""
    demo.stack.broker.control("PUT", "/fills", {"hold": True})
    demo.process.start()
    trade = demo.wait("its order is known", lambda: demo.trades("alpaca_order_id IS NOT NULL"))[0]
    demo.stack.api().do("/pause")
    first = trade["alpaca_order_id"]
    if filled_before:
        demo.act(first, "fill", qty=str(filled_before), price="7.40")
    left = trade["shares"] - filled_before
    second = demo.act(first, "replace", qty=str(left), limit_price="7.60")["id"]
    demo.act(second, "release")
    demo.stack.broker.control("PUT", "/fills", {"hold": False})
    demo.wait("the fill is recorded", lambda: demo.trades("filled"))
    recorded = demo.trades()[0]
    average = (filled_before * Decimal("7.40") + left * Decimal("7.50")) / trade["shares"]
    assert (recorded["shares"], recorded["entry_price"]) == (trade["shares"], round(average, 9))
    # the bot names the order that it sent; reconciliation, if it was the first to book, the one that filled
    assert recorded["alpaca_order_id"] in (first, second)
    assert recorded["status"] == "open"
    assert demo.account()["positions"][0]["qty"] == str(int(trade["shares"]))


def test_an_error_about_one_trade_does_not_stop_the_others(demo: Demo) -> None:
    """The broker does not answer about the position of a trade whose exit was begun."""
    demo.stack.api().patch("/config", {"maxConcurrentPositions": 3})
    demo.stack.broker.faults({"kind": "500", "path": "/v2/positions/ACME"})
    refused = demo.stack.open_trade("ACME")
    demo.stack.sql(f"UPDATE bot_trade SET exit_reason = 'time_exit' WHERE id = '{refused}'")
    demo.process.start()
    demo.wait("it trades all the same", lambda: demo.trades("status = 'closed'"), 40)
    assert demo.trades(f"id = '{refused}'")[0]["status"] == "open"
    lines = [line for line in demo.process.log(whole=True).splitlines() if f"[{refused[:8]}]" in line]
    assert any("this did not work, it is tried again" in line for line in lines), lines


@pytest.mark.parametrize(
    ("shares", "text"),
    [(1234567.0, "1234567"), (0.1234567, "0.1234567"), (Decimal("1E-9"), "0.000000001"), (100, "100")],
)
def test_shares_reach_the_broker_to_the_last_digit(shares: Decimal | float, text: str) -> None:
    with Server() as server:
        requests.put(f"{server.url}/sandbox/prices", json={"BOAT": "0.01"}, timeout=5)
        broker = Broker(server.url, KEY, SECRET)
        assert broker.send("one", "BOAT", shares, "buy", type="market")["qty"] == text


@pytest.mark.parametrize("wrong", ["fast", "0", "-1", "nan", "inf"])
def test_a_speed_that_is_no_number_above_0_is_said(wrong: str) -> None:
    names = (
        "PITBOSS_URL",
        "PITBOSS_TOKEN",
        *(f"ALPACA_PAPER_{name}" for name in ("URL", "API_KEY", "API_SECRET")),
    )
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo_bot"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **dict.fromkeys(names, "http://127.0.0.1:1"),
            "DEMO_BOT_SPEED": wrong,
        },
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"The demo bot cannot start: DEMO_BOT_SPEED must be a number above 0, not {wrong}.\n",
    )


def test_it_says_what_is_missing_in_its_environment() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo_bot"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PITBOSS_URL": "http://127.0.0.1:1", "PITBOSS_TOKEN": "x"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "The demo bot cannot start: set ALPACA_PAPER_URL, ALPACA_PAPER_API_KEY, ALPACA_PAPER_API_SECRET.\n"
    )
