"""What an attempt reads from the database, to the microsecond and to the trade."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from bot.reconciliation.local import (
    MOST_CLOSED,
    read_booked,
    read_booked_symbols,
    read_closed,
    read_entry_orders,
    read_trades,
)
from tests.bot.reconciliation.books import NOW
from tests.bot.world import World

MOMENT, MINUTE = timedelta(microseconds=1), timedelta(minutes=1)


def exit_of(world: World, trade: UUID, **columns: Any) -> int:
    row = {
        "trade_id": trade,
        "shares": 1,
        "price": 10,
        "pnl": 0,
        "at": NOW,
        "created_at": NOW,
        "source": "ledger",
        **columns,
    }
    names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    [made] = world.sql(f"INSERT INTO bot_trade_exit ({names}) VALUES ({values}) RETURNING id", row)
    return int(made["id"])


def test_the_open_trades_of_the_symbols_are_read_that_were_created_before_in_order_of_entry(
    world: World,
) -> None:
    second = world.trade("AAPL", 1, created_at=NOW - MOMENT, entry_at=NOW - MINUTE)
    first = world.trade("TSLA", 1, created_at=NOW - MOMENT, entry_at=NOW - 2 * MINUTE)
    twins = sorted(world.trade("AAPL", 1, created_at=NOW - MOMENT, entry_at=NOW) for _ in range(3))
    before_them = world.trade("AAPL", 1, created_at=NOW - 2 * MOMENT, entry_at=NOW)
    world.trade("MSFT", 1, created_at=NOW - MINUTE)
    world.trade("AAPL", 1, created_at=NOW)
    world.trade("AAPL", 1, created_at=NOW - MINUTE, status="closed", exit_at=NOW)
    found = world.database.read(lambda session: read_trades(session, ["AAPL", "TSLA"], NOW))
    assert [each.id for each in found] == [first, second, before_them, *twins]


def test_a_trade_shows_all_that_the_judgement_needs(world: World) -> None:
    trade = world.trade(
        "META",
        10,
        exited_shares=4,
        asset_id="its asset",
        filled=True,
        alpaca_order_id="entry",
        alpaca_exit_order_id="exit",
        adjusted_at=NOW + MINUTE,
        created_at=NOW - MINUTE,
        entry_at=NOW - 2 * MINUTE,
    )
    for kind, symbol in (("renamed", "FACE"), ("opened", "NONE"), ("renamed", "FB")):
        world.sql(
            "INSERT INTO bot_trade_event (trade_id, kind, before, after, actor)"
            " VALUES (%s, %s, jsonb_build_object('symbol', %s::text), '{}', 'a')",
            [trade, kind, symbol],
        )
    plain = world.trade("META", 1, created_at=NOW - MINUTE, entry_at=NOW)
    found, other = world.database.read(lambda session: read_trades(session, ["META"], NOW))
    row = world.trades()[trade]
    assert (found.id, found.symbol, found.asset_id, found.filled) == (trade, "META", "its asset", True)
    assert [found.shares, found.exited, found.held, found.entry_price] == [10, 4, 6, row["entry_price"]]
    assert (found.order_id, found.exit_order_id, found.adjusted_at) == ("entry", "exit", NOW + MINUTE)
    assert (found.entry_at, found.created_at) == (NOW - 2 * MINUTE, NOW - MINUTE)
    assert found.updated_at == row["updated_at"]
    assert (sorted(found.former_symbols), list(other.former_symbols)) == (["FACE", "FB"], [])
    assert other.id == plain


def test_of_what_was_closed_the_newest_of_each_asset_is_read_and_nothing_older_than_asked_for(
    world: World,
) -> None:
    def closed(symbol: str, ago: timedelta, **columns: Any) -> UUID:
        return world.trade(symbol, 1, **{"status": "closed", "exit_at": NOW - ago, **columns})

    asset = {"asset_id": "one asset"}
    many = [closed("FB", n * MINUTE, **asset) for n in range(1, 13)]
    renamed = closed("META", 20 * MINUTE, **asset)
    other = closed("AAPL", MINUTE * 60)
    closed("AAPL", MINUTE * 60 + MOMENT)
    closed("MSFT", MINUTE)
    closed("AAPL", MINUTE, status="missed")
    closed("AAPL", MINUTE, status="open")

    def read(*symbols: str) -> list[UUID]:
        since = NOW - 60 * MINUTE
        return [each.id for each in world.database.read(lambda session: read_closed(session, symbols, since))]

    assert read("FB", "META", "AAPL") == [many[0], other, *many[1 : MOST_CLOSED - 1]]
    assert read("AAPL", "META") == [renamed, other]


def test_exits_are_read_that_happened_or_were_booked_lately_oldest_first(world: World) -> None:
    trade, other = world.trade("AAPL", 10), world.trade("TSLA", 10)
    since, recent = NOW - 60 * MINUTE, NOW - MINUTE
    at_the_limit = exit_of(world, trade, at=since, created_at=since, order_id="order", fill_id="fill")
    exit_of(world, trade, at=since - MOMENT, created_at=recent - MOMENT)
    booked_late = exit_of(world, trade, at=since - MOMENT, created_at=recent)
    settled = exit_of(world, trade, at=NOW, created_at=NOW, source="settlement", shares=2, price="10.5")
    exit_of(world, other, at=NOW, created_at=NOW)
    found = world.database.read(lambda session: read_booked(session, ["AAPL", "MSFT"], since, recent))
    rows = {row["id"]: row for row in world.exits(trade)}
    assert [(each.at, each.created_at) for each in found] == [
        (rows[number]["at"], rows[number]["created_at"]) for number in (booked_late, at_the_limit, settled)
    ]
    assert {(each.trade_id, each.symbol) for each in found} == {(trade, "AAPL")}
    assert [(each.order_id, each.fill_id) for each in found] == [
        (None, None),
        ("order", "fill"),
        (None, None),
    ]
    assert [each.is_settled for each in found] == [False, False, True]
    assert [float(each.shares * each.price) for each in found] == [10, 10, 21]
    twins = [exit_of(world, trade, at=NOW, created_at=NOW, order_id=name) for name in ("a", "b", "c")]
    found = world.database.read(lambda session: read_booked(session, ["AAPL"], NOW, NOW))
    assert [each.order_id for each in found] == [None, "a", "b", "c"]
    assert twins == sorted(twins)


def test_the_symbols_under_which_an_asset_has_exits_are_read(world: World) -> None:
    for symbol, asset, ago in (
        ("FB", "one", MINUTE),
        ("META", "one", timedelta(0)),
        ("META", "one", timedelta(0)),
        ("OLD", "one", MINUTE + MOMENT),
        ("AAPL", "two", timedelta(0)),
        ("NONE", None, timedelta(0)),
    ):
        exit_of(world, world.trade(symbol, 10, asset_id=asset), at=NOW - ago)
    world.trade("UNSOLD", 10, asset_id="one")
    found = world.database.read(lambda session: read_booked_symbols(session, ["one", "other"], NOW - MINUTE))
    assert sorted(found) == [("one", "FB"), ("one", "META")]


def test_an_order_is_a_trades_entry_by_its_id_or_by_the_trades_name(world: World) -> None:
    known, named = world.trade("A", 5, alpaca_order_id="order"), world.trade("B", -3)
    world.trade("C", 1, alpaca_order_id="another order")
    names = ["order", str(named), "of somebody else", str(uuid4())]
    found = world.database.read(lambda session: read_entry_orders(session, names))
    assert {name: int(shares) for name, shares in found.items()} == {
        "order": 5,
        str(known): 5,
        str(named): -3,
    }
