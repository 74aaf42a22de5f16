"""What is stored of an account's last reading: all that people and the gate need, each figure where it belongs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace as changed

from bot.broker.readings import Position
from bot.reconciliation import equity, last_reading
from bot.reconciliation.evidence import Reading
from bot.reconciliation.last_reading import MOST_POSITIONS, open_pnl
from bot.reconciliation.local import Ignored
from bot.states import Mode
from tests.bot.fake import an_account
from tests.bot.fake_account import FakeAccount
from tests.bot.reconciliation.books import position
from tests.bot.world import World

Fake = World[FakeAccount]


def held(symbol: str, pnl: Any, **changes: Any) -> Position:
    return changed(position(symbol, 10), open_pnl=None if pnl is None else Decimal(pnl), **changes)


def reading(world: Fake, *positions: Position, ignored: tuple[str, ...] = (), **changes: Any) -> Reading:
    found = world.gather()
    assert isinstance(found, Reading)
    left_out = tuple(Ignored(symbol, None, Decimal(10)) for symbol in ignored)
    return replace(
        found,
        positions={each.symbol: each for each in positions},
        local=replace(found.local, ignored=left_out),
        **changes,
    )


def kept(world: Fake, found: Reading, *, mode: str = "paper") -> dict[str, Any]:
    world.database.run(lambda session: last_reading.keep(session, found))
    [row] = world.sql("SELECT * FROM bot_broker_reading WHERE mode = %s", [mode])
    return row


def test_every_figure_is_stored_under_its_own_name(fake_world: Fake) -> None:
    account = an_account(
        "an account",
        equity="1000.50",
        last_equity="2000.5",
        buying_power="3000",
        cash="-4000",
        trading_blocked=True,
    )
    one = held(
        "AAPL", "-12.5", avg_entry_price=Decimal("11.10"), current_price=Decimal(12), market_value=None
    )
    fake_world.paper.clock(is_open=False)
    found = reading(fake_world, one, account=account)
    row = kept(fake_world, found)
    assert row["account"] == {
        "status": "ACTIVE",
        "equity": "1000.50",
        "lastEquity": "2000.5",
        "buyingPower": "3000",
        "cash": "-4000",
        "blocks": ["trading_blocked"],
    }
    assert row["positions"] == [
        {
            "symbol": "AAPL",
            "assetId": "asset of AAPL",
            "shares": "10",
            "avgEntryPrice": "11.10",
            "currentPrice": "12",
            "marketValue": None,
            "openPnl": "-12.5",
        }
    ]
    clock = found.clock
    assert (row["mode"], row["read_at"], row["open_pnl"]) == ("paper", found.read_at, Decimal("-12.5"))
    assert (row["market_open"], row["next_open"], row["next_close"]) == (
        False,
        clock.next_open,
        clock.next_close,
    )
    assert clock.next_open != clock.next_close


def test_the_next_one_takes_its_place_and_leaves_the_other_mode_as_it_is(fake_world: Fake) -> None:
    found = reading(fake_world, held("AAPL", 5))
    live = replace(found, local=replace(found.local, mode=Mode.LIVE))
    kept(fake_world, live, mode="live")
    kept(fake_world, replace(found, positions={}), mode="paper")
    at = found.read_at + timedelta(seconds=1)
    kept(fake_world, replace(reading(fake_world, held("MSFT", None)), read_at=at), mode="paper")
    rows = fake_world.sql("SELECT mode, read_at, open_pnl, positions FROM bot_broker_reading ORDER BY mode")
    assert [(row["mode"], row["positions"][0]["symbol"]) for row in rows] == [
        ("live", "AAPL"),
        ("paper", "MSFT"),
    ]
    assert [(row["read_at"], row["open_pnl"]) for row in rows] == [
        (found.read_at, 5),
        (at, None),
    ]


@pytest.mark.parametrize(
    ("count", "is_listed"), [(0, True), (MOST_POSITIONS, True), (MOST_POSITIONS + 1, False)]
)
def test_of_more_than_a_thousand_positions_only_the_value_is_stored(
    fake_world: Fake, count: int, is_listed: bool
) -> None:
    row = kept(fake_world, reading(fake_world, *(held(f"S{number}", 1) for number in range(count))))
    assert (row["positions"] is not None) is is_listed
    assert row["open_pnl"] == count


def test_what_an_operator_ignores_has_no_profit_and_no_missing_price(fake_world: Fake) -> None:
    aapl, msft, unpriced = held("AAPL", 5), held("MSFT", -7), held("OTC", None)
    assert open_pnl(reading(fake_world)) == 0
    assert open_pnl(reading(fake_world, aapl, msft)) == -2
    assert open_pnl(reading(fake_world, aapl, msft, ignored=("AAPL",))) == -7
    assert open_pnl(reading(fake_world, aapl, unpriced)) is None
    assert open_pnl(reading(fake_world, aapl, unpriced, ignored=("OTC",))) == 5


@pytest.mark.parametrize("pnls", [(5, None), (None, -7), (5, -7)])
def test_the_equity_of_a_minute_is_stored_with_the_profit_of_the_same_reading(
    fake_world: Fake, pnls: tuple[int | None, int | None]
) -> None:
    account = an_account("an account", equity="1000.50")
    first, second = (reading(fake_world, held("AAPL", pnl), account=account) for pnl in pnls)
    fake_world.database.run(lambda session: equity.keep(session, first))
    later = replace(second, read_at=first.read_at)
    fake_world.database.run(lambda session: equity.keep(session, later))
    [row] = fake_world.sql("SELECT mode, equity, open_pnl FROM bot_equity")
    assert row == {"mode": "paper", "equity": Decimal("1000.50"), "open_pnl": pnls[1]}
