"""What stays open when the bot is killed, from what the database knows."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from psycopg2.extras import Json

from bot.queries import exposure
from bot.queries.exposure import Exposure, OpenPosition, WorkingOrder
from bot.storage.statements import MOST_TRADES
from tests.bot.world import TestDatabase


def read(database: TestDatabase) -> Exposure:
    return database.pool.batched(exposure.read)


def trade(database: TestDatabase, symbol: str, shares: str, *, exited: str = "0", **columns: object) -> None:
    database.sql(
        "INSERT INTO bot_trade (id, symbol, entry_price, shares, exited_shares, filled, alpaca_order_id, status)"
        " VALUES (%s, %s, 1, %s, %s, %s, %s, %s)",
        [
            uuid4(),
            symbol,
            shares,
            exited,
            columns.get("filled", True),
            columns.get("order"),
            columns.get("status", "open"),
        ],
    )


def reading(database: TestDatabase, mode: str, positions: list[dict[str, str]] | None) -> None:
    database.sql(
        "INSERT INTO bot_broker_reading (mode, read_at, account, positions, market_open)"
        " VALUES (%s, '2026-11-20 15:00Z', '{}', %s, true)",
        [mode, Json(positions)],
    )


def test_nothing_is_open_in_an_empty_database(database: TestDatabase) -> None:
    assert read(database) == Exposure(read_at=None, positions=[], working_orders=[])
    database.sql("DELETE FROM bot_config")
    assert read(database) == Exposure(read_at=None, positions=[], working_orders=[])


def test_it_is_the_brokers_positions_of_the_present_mode_and_the_trades_beside_them(
    database: TestDatabase,
) -> None:
    reading(
        database, "paper", [{"symbol": "MSFT", "shares": "-3.000000001"}, {"symbol": "AAPL", "shares": "7"}]
    )
    reading(database, "live", [{"symbol": "NVDA", "shares": "1"}])
    trade(database, "AAPL", "10")
    trade(database, "RIOT", "5.25", exited="1.000000001")
    trade(database, "RIOT", "2")
    trade(database, "GME", "9", filled=False, order="order-1")
    trade(database, "AMC", "0.1", filled=False)
    trade(database, "OLD", "4", status="closed", exited="4")
    found = read(database)
    assert found.read_at is not None
    assert found.positions == [
        OpenPosition("AAPL", Decimal(7)),
        OpenPosition("MSFT", Decimal("-3.000000001")),
        OpenPosition("RIOT", Decimal("6.249999999")),
    ]
    assert sorted(found.working_orders, key=lambda each: each.symbol) == [
        WorkingOrder(None, "AMC", Decimal("0.1")),
        WorkingOrder("order-1", "GME", Decimal(9)),
    ]


@pytest.mark.parametrize("positions", [None, []])
def test_a_reading_of_too_many_positions_to_keep_is_none(
    database: TestDatabase, positions: list[dict[str, str]] | None
) -> None:
    reading(database, "paper", positions)
    trade(database, "AAPL", "10")
    found = read(database)
    assert (found.read_at is None) is (positions is None)
    assert found.positions == [OpenPosition("AAPL", Decimal(10))]


def test_of_very_many_trades_the_latest_are_looked_at(database: TestDatabase) -> None:
    database.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, filled, created_at)"
        " SELECT 'S' || n, 1, 1, true, now() - n * interval '1 second' FROM generate_series(1, %s) n",
        [MOST_TRADES + 50],
    )
    assert {each.symbol for each in read(database).positions} == {f"S{n}" for n in range(1, MOST_TRADES + 1)}
