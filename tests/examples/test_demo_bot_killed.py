"""The example bot finds its way back after a kill -9 at any point."""

from __future__ import annotations

import time

import pytest

from tests.examples.demo import Demo


def test_killed_while_its_order_was_on_its_way_it_records_the_fill_later(demo: Demo) -> None:
    """The order filled; the bot never read the answer, and the ledger has but a reservation."""
    demo.stack.broker.faults({"kind": "drip", "path": "/v2/orders", "method": "POST"})
    demo.process.start()
    demo.wait("an order is there", demo.orders)
    demo.process.kill()
    demo.stack.broker.heal()
    reserved = demo.trades()[0]
    assert (reserved["status"], reserved["filled"], reserved["alpaca_order_id"]) == ("open", False, None)
    demo.restart_the_worker()
    assert demo.trades()[0]["status"] == "open"
    demo.process.start()
    demo.wait("the fill is recorded", lambda: demo.trades()[0]["filled"])
    assert len(demo.orders(str(reserved["id"]))) >= 1
    assert demo.trades()[0]["alpaca_order_id"] == demo.orders(str(reserved["id"]))[0]["id"]
    demo.flatten()
    assert demo.agrees()


def test_killed_before_its_order_was_sent_it_withdraws_the_trade(demo: Demo) -> None:
    demo.stack.broker.faults({"kind": "timeout", "path": "/v2/orders", "method": "POST"})
    demo.process.start()
    demo.wait("a trade is reserved", demo.trades)
    demo.process.kill()
    demo.stack.broker.heal()
    demo.restart_the_worker()
    demo.stack.api().do("/pause")
    demo.process.start()
    demo.wait("it is withdrawn", lambda: demo.trades()[0]["status"] == "void")
    assert demo.orders() == []
    assert demo.agrees()


@pytest.mark.parametrize("speed", [1.0])  # it is killed before it loses patience
def test_killed_while_its_order_waited_to_fill_it_records_what_became_of_it(demo: Demo) -> None:
    demo.stack.broker.control("PUT", "/fills", {"hold": True})
    demo.process.start()
    demo.wait("its order is known", lambda: demo.trades("alpaca_order_id IS NOT NULL"))
    demo.process.kill()
    demo.restart_the_worker()
    assert demo.trades()[0]["status"] == "open", "its order still works at the broker"
    demo.stack.broker.control("PUT", "/fills", {"hold": False})
    demo.process.start()
    demo.wait("the fill is recorded", lambda: demo.trades()[0]["filled"])
    demo.flatten()
    assert demo.agrees()


def test_killed_in_the_middle_of_an_exit_its_true_price_is_booked_from_the_fill(demo: Demo) -> None:
    demo.process.start()
    demo.wait_for_open(2)
    demo.stack.broker.faults({"kind": "drip", "path": "/v2/orders", "method": "POST"})
    demo.stack.api().do("/pause")
    demo.hold(1)
    demo.wait("an exit is there", lambda: demo.orders("exit"))
    demo.process.kill()
    demo.stack.broker.heal()
    sold = demo.orders("exit")[0]
    closed = {row["id"] for row in demo.trades("status = 'closed'")}
    demo.restart_the_worker()
    demo.wait("its exit is booked", lambda: len(demo.trades("status = 'closed'")) > len(closed))
    (booked,) = [row for row in demo.trades("status = 'closed'") if row["id"] not in closed]
    assert (booked["symbol"], booked["alpaca_exit_order_id"]) == (sold["symbol"], sold["id"])
    assert demo.trades("status = 'missed'") == []
    demo.process.start()
    demo.wait("all is sold", lambda: not demo.trades("status = 'open'"))
    assert demo.agrees()


def test_killed_ten_times_anywhere_the_ledger_is_right_in_the_end(demo: Demo) -> None:
    for number in range(10):
        demo.process.start()
        time.sleep(0.6 + number * 0.1)
        demo.process.kill()
    demo.restart_the_worker()
    demo.process.start()
    demo.wait_for_open()
    demo.flatten()
    demo.wait("what was written off is settled, too", lambda: not demo.trades("status = 'missed'"), 40)
    assert demo.agrees()
