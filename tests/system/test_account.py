"""What the broker holds beside what the books hold, as it was last read."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg2.extras import Json

from tests.support.stack import Stack

ACCOUNT = {
    "status": "ACTIVE",
    "equity": "10250.50",
    "lastEquity": "10000",
    "buyingPower": "20000",
    "cash": "5000",
    "blocks": [],
}


def position(symbol: str, asset: str, shares: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "assetId": asset,
        "shares": shares,
        "avgEntryPrice": "10.5",
        "currentPrice": "11",
        "marketValue": "110",
        "openPnl": "5.25",
    }


def read_now(stack: Stack, *positions: dict[str, Any], age: str = "0 s", mode: str = "paper") -> None:
    stack.sql(
        "INSERT INTO bot_broker_reading (mode, read_at, account, positions, open_pnl, market_open)"
        " VALUES (%s, clock_timestamp() - %s::interval, %s, %s, -12.5, true)"
        " ON CONFLICT (mode) DO UPDATE SET read_at = excluded.read_at, account = excluded.account,"
        " positions = excluded.positions, open_pnl = excluded.open_pnl",
        [mode, age, Json(ACCOUNT), Json(list(positions))],
    )


@pytest.fixture(autouse=True)
def _no_reading(stack: Stack) -> None:
    stack.sql("DELETE FROM bot_broker_reading")


def trade(stack: Stack, symbol: str, shares: int, **more: Any) -> str:
    values = {"symbol": symbol, "shares": shares, "entry_price": 10, "mode": "paper", **more}
    [row] = stack.sql(
        f"INSERT INTO bot_trade ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING id::text",
        list(values.values()),
    )
    return str(row["id"])


def test_both_sides_stand_beside_each_other_by_asset_and_else_by_symbol(stack: Stack) -> None:
    stack.sql("DELETE FROM bot_trade")
    renamed = trade(stack, "FB", 10, asset_id="asset-meta", exited_shares=4)
    known = trade(stack, "AAPL", 5)
    gone = trade(stack, "GONE", 3)
    reserved = trade(stack, "GONE", 100, filled=False)
    trade(stack, "MSFT", 3, mode="live")
    read_now(
        stack,
        position("META", "asset-meta", "6"),
        position("AAPL", "asset-aapl", "5"),
        position("TSLA", "t", "-2"),
    )
    found = stack.api("viewer").read("/positions")
    assert found["readAt"] is not None
    shown = {
        item["symbol"]: (item["brokerShares"], item["bookShares"], item["tradeIds"])
        for item in found["items"]
    }
    assert shown == {
        "AAPL": (5, 5, [known]),
        "GONE": (0, 3, [gone, reserved]),
        "META": (6, 6, [renamed]),
        "TSLA": (-2, 0, []),
    }
    assert (
        found["items"][0] | {"avgEntryPrice": 10.5, "currentPrice": 11, "openPnl": 5.25} == found["items"][0]
    )
    stack.sql("DELETE FROM bot_trade")


def test_a_difference_of_the_last_report_that_knows_is_named(stack: Stack) -> None:
    stack.sql(
        "INSERT INTO bot_reconciliation (trigger, mode, started_at, finished_at, outcome, differences) VALUES"
        " ('manual', 'paper', now(), now(), 'ok',"
        '  \'[{"symbol": "TSLA", "kind": "unknown_here", "here": "0", "there": "-2"}]\'),'
        " ('manual', 'paper', now(), now(), 'failed', '[]')"
    )
    read_now(stack, position("TSLA", "t", "-2"))
    [item] = [item for item in stack.api().read("/positions")["items"] if item["symbol"] == "TSLA"]
    assert item["difference"] == "unknown_here"


def test_before_the_first_reading_nothing_is_known(stack: Stack) -> None:
    mine = trade(stack, "AAPL", 5)
    found = stack.api().read("/positions")
    assert found["readAt"] is None
    assert [
        (item["brokerShares"], item["bookShares"]) for item in found["items"] if mine in item["tradeIds"]
    ] == [(None, 5)]
    account = stack.api().read("/account")
    assert account.pop("blocks") == []
    assert set(account.values()) == {None}
    assert stack.status()["openPnl"] is None
    stack.sql("DELETE FROM bot_trade")


def test_the_account_is_shown_with_the_days_change(stack: Stack) -> None:
    read_now(stack)
    read_now(stack, mode="live")
    account = stack.api("viewer").read("/account")
    account.pop("readAt")
    assert account == {
        "status": "ACTIVE",
        "equity": 10250.5,
        "lastEquity": 10000,
        "buyingPower": 20000,
        "dayChange": 250.5,
        "blocks": [],
    }


def test_an_open_pnl_that_is_too_old_is_not_shown(stack: Stack) -> None:
    read_now(stack)
    assert stack.status()["openPnl"] == -12.5
    read_now(stack, age="3 minutes")
    assert stack.status()["openPnl"] is None


def test_a_missed_trade_without_a_result_is_unsettled_until_it_is_acknowledged(stack: Stack) -> None:
    before = stack.status()["unsettledTrades"]
    missed = trade(stack, "AAPL", 5, status="missed")
    trade(stack, "AAPL", 5, status="missed", filled=False)
    assert stack.status()["unsettledTrades"] == before + 1
    stack.sql("UPDATE bot_trade SET acknowledged_at = now() WHERE id::text = %s", [missed])
    assert stack.status()["unsettledTrades"] == before
