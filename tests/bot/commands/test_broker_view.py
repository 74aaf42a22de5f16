"""Both sides of one symbol: the surplus and its price, and which trades belong to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from psycopg2.extras import Json

from bot.commands.broker_view import Held, held_of
from bot.errors import NothingToSettle
from bot.states import Mode
from tests.bot.world import World


def held(shares: Any, *, average: Any = 10, booked: Any = 0, cost: Any = 0, ignored: Any = 0) -> Held:
    amounts = [Decimal(str(each)) for each in (shares, average, booked, cost, ignored)]
    return Held("ACME", None, *amounts)


@pytest.mark.parametrize(
    ("view", "surplus", "price"),
    [
        (held(10), 10, "10"),
        (held(10, booked=6, cost=48), 4, "13"),
        (held(10, booked=6, cost=48, ignored=3), 1, "52"),
        (held(-10, booked=-6, cost=-48), -4, "13"),
        (held(10, booked=6, cost=98), 4, "0.5"),
        # the books say more than the broker's average allows for: then that is the price
        (held(10, booked=6, cost=100), 4, "10"),
        (held(10, booked=6, cost=101), 4, "10"),
        (held(10, booked=10, cost=90), 0, "10"),
    ],
)
def test_the_surplus_is_priced_so_that_both_sides_cost_the_same(view: Held, surplus: int, price: str) -> None:
    assert view.surplus == surplus
    assert view.price_of_surplus == Decimal(price)


def test_a_sentence_about_both_sides_names_what_is_ignored_only_if_something_is() -> None:
    assert held("10.50", booked=4).both == "Alpaca holds 10.5 shares of ACME and the open trades 4"
    assert held(10, booked=4, ignored=1).both.endswith("the open trades 4, 1 being ignored")


def read(world: World, *positions: tuple[str, str | None, str], minutes_ago: float = 0) -> None:
    rows = [
        {"symbol": symbol, "assetId": asset, "shares": shares, "avgEntryPrice": "10"}
        for symbol, asset, shares in positions
    ]
    world.sql(
        "INSERT INTO bot_broker_reading (mode, read_at, account, positions, market_open)"
        " VALUES ('paper', clock_timestamp() - make_interval(secs => %s), '{}', %s, true)",
        [minutes_ago * 60, Json(rows)],
    )


def view(world: World, symbol: str, **more: Any) -> Held:
    now = world.database.now()
    return world.database.read(lambda session: held_of(session, Mode.PAPER, symbol, now, **more))


def test_only_what_is_still_open_of_a_trade_counts(world: World) -> None:
    read(world, ("ACME", None, "10"))
    world.trade("ACME", 10, exited_shares=4)
    world.trade("ACME", 10, status="void")
    world.trade("OTHER", 10)
    found = view(world, "ACME")
    assert (found.booked, found.cost) == (Decimal(6), Decimal("61.5"))
    assert found.surplus == 4


def test_a_trade_of_another_asset_that_had_the_symbol_before_does_not_count(world: World) -> None:
    read(world, ("ACME", "new", "10"))
    world.trade("ACME", 1, asset_id="old")
    world.trade("ACME", 2, asset_id="new")
    world.trade("ACME", 4)
    world.trade("FORMER", 8, asset_id="new")
    found = view(world, "ACME")
    assert (found.asset_id, found.booked) == ("new", Decimal(14))


def test_an_asset_is_found_by_its_id_before_its_symbol(world: World) -> None:
    read(world, ("ACME", "other", "3"), ("NEWNAME", "asset", "10"))
    found = view(world, "ACME", asset_id="asset")
    assert (found.symbol, found.asset_id, found.shares) == ("NEWNAME", "asset", Decimal(10))
    assert view(world, "ACME").shares == 3
    gone = view(world, "GONE", asset_id="elsewhere")
    assert (gone.symbol, gone.asset_id, gone.shares, gone.average_price) == (
        "GONE",
        "elsewhere",
        Decimal(0),
        Decimal(0),
    )


def test_a_reading_counts_for_ten_minutes(world: World) -> None:
    read(world, ("ACME", None, "10"), minutes_ago=5)
    assert view(world, "ACME").shares == 10
    world.sql("UPDATE bot_broker_reading SET read_at = read_at - interval '5 minutes'")
    with pytest.raises(NothingToSettle, match="not read within the last ten minutes"):
        view(world, "ACME")
