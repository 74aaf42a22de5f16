"""What a test on the shared system may count on, however the one before it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.broker import KEYS
from tests.support.reset import reset
from tests.support.stack import Stack


def test_what_a_test_sold_at_the_broker_is_no_exit_of_the_next_tests_trade(stack: Stack) -> None:
    key = KEYS["paper"][0]
    sale = {"symbol": "AAPL", "side": "sell", "qty": "10", "price": "10"}
    at = datetime.now(UTC) - timedelta(minutes=1)
    stack.broker.control("POST", f"/accounts/{key}/trades", {**sale, "at": at.isoformat()})
    stack.broker.control("PUT", "/halts", ["AAPL"])
    reset(stack)
    trade = stack.open_trade("AAPL", 10)
    stack.sql("UPDATE bot_trade SET entry_at = now() - interval '5 min' WHERE id = %s", [trade])
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    [row] = stack.sql("SELECT status, exit_at FROM bot_trade WHERE id = %s", [trade])
    assert (row["status"], row["exit_at"]) == ("open", None)
    assert stack.broker.control("GET", "/halts") == []
