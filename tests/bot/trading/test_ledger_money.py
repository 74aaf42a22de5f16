"""What the ledger computes and counts: profit in exact decimals, and statistics by New York's date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.booking.amounts import profit
from bot.errors import InvalidParams
from bot.market_hours import NEW_YORK
from bot.trading import exits
from tests.bot.ledger_world import World, settings_of


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(settings_of(database_url))
    world.open_gate()
    world.do("update_config", maxConcurrentPositions=1000, dailyLossLimitUsd=1_000_000)
    yield world
    world.close()


def new_york(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK, fold=fold)


def round_trip(world: World, entry_at: datetime, exit_at: datetime, exit_price: str = "11.00") -> None:
    trade = world.open_filled(entry_at=entry_at)
    world.ledger.close_trade(trade.id, exit_price=exit_price, exit_reason="time_exit", exit_at=exit_at)


# -- profit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "entry", "exit_", "pnl"),
    [
        ("10", "10.00", "11.25", "12.50"),
        ("10", "10.00", "9.99", "-0.10"),
        ("-10", "10.00", "9.00", "10.00"),
        ("-10", "10.00", "11.00", "-10.00"),
        ("3", "0.1", "0.3", "0.6"),  # floats would make it 0.6000000000000001
        ("10", "10.00", "10.00", "0"),
        ("0.000000001", "0.000000001", "0.000000002", "0.000000000000000001"),
        ("123456789.123456789", "0.000000001", "9999999.999999999", "1234567891234567.643086421753086422"),
        ("-1000000000", "0.000000001", "10000000", "-9999999999999999"),
    ],
)
def test_profit_is_exact_long_and_short(world: World, shares: str, entry: str, exit_: str, pnl: str) -> None:
    trade = world.open_filled(shares=shares, entry_price=entry)
    closed = world.ledger.close_trade(trade.id, exit_price=exit_, exit_reason="profit_target")
    assert world.trade(closed).pnl == Decimal(pnl)
    assert [realized for realized, _, _ in world.stats().values()] == [Decimal(pnl)]


amounts = st.decimals(min_value="0.000000001", max_value=10_000_000, places=9)


@given(st.decimals(min_value=-1_000_000_000, max_value=1_000_000_000, places=9), amounts, amounts)
def test_profit_never_rounds(shares: Decimal, entry: Decimal, exit_: Decimal) -> None:
    def nanos(amount: Decimal) -> int:
        return int(amount.scaleb(9))

    found = profit(shares, entry, exit_)
    with localcontext() as context:
        context.prec = 80
        assert int(found.scaleb(18)) == nanos(shares) * (nanos(exit_) - nanos(entry))


@pytest.mark.slow
def test_a_hundred_times_ten_cents_are_ten_dollars(world: World) -> None:
    for _ in range(100):
        trade = world.open_filled(shares=1, entry_price="0.10")
        world.ledger.close_trade(trade.id, exit_price="0.20", exit_reason="profit_target")
    assert [pnl for pnl, _, _ in world.stats().values()] == [Decimal("10.00")]


@pytest.mark.parametrize(
    ("said", "recorded", "is_same"),
    [
        ("10.12", "10.1200", True),
        ("10.1235", "10.12345", True),
        ("10.1234", "10.12345", True),
        ("10.1235", "10.123449", False),
        ("10.12346", "10.123456", True),
        ("10.123", "10.1234", False),
        ("10", "10.00001", False),
    ],
)
def test_a_price_that_is_told_again_may_be_rounded_to_four_places_and_no_fewer(
    said: str, recorded: str, is_same: bool
) -> None:
    assert exits._same_price(Decimal(said), Decimal(recorded)) is is_same


# -- the days -------------------------------------------------------------------------------------------------


def test_nothing_fills_in_the_future_but_a_brokers_clock_may_be_a_little_ahead(world: World) -> None:
    soon = world.database.now() + timedelta(seconds=2)
    trade = world.open_filled(entry_at=soon)
    closed = world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")
    assert closed.exit_at == soon, "an exit of now is not before its entry"
    late = world.database.now() + timedelta(minutes=1)
    with pytest.raises(InvalidParams, match="entryAt: is in the future: it is "):
        world.open_filled(entry_at=late)
    trade = world.open_filled()
    with pytest.raises(InvalidParams, match="exitAt: is in the future"):
        world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit", exit_at=late)


def test_no_exit_is_before_its_entry(world: World) -> None:
    at = new_york("2026-11-20 10:00:00")
    trade = world.open_filled(entry_at=at)
    before = at - timedelta(microseconds=1)
    with pytest.raises(InvalidParams, match="exitAt: is before the entry, which was at 2026-11-20T15:00:00"):
        world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit", exit_at=before)
    closed = world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit", exit_at=at)
    assert closed.exit_at == at


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("2026-11-19 23:59:59", "2026-11-20 00:00:01"),
        ("2026-07-15 23:59:59", "2026-07-16 00:00:01"),  # summer time: in UTC both are the 16th
        ("2026-03-07 23:59:59", "2026-03-08 00:00:01"),  # summer time begins on the 8th, at 02:00
        ("2026-03-08 23:59:59", "2026-03-09 00:00:01"),
        ("2025-10-31 23:59:59", "2025-11-01 00:00:01"),
        ("2025-11-01 23:59:59", "2025-11-02 00:00:01"),  # summer time ends on the 2nd, at 02:00
        ("2025-11-02 23:59:59", "2025-11-03 00:00:01"),
        ("2025-12-31 23:59:59", "2026-01-01 00:00:01"),
    ],
)
def test_a_second_before_and_a_second_after_new_yorks_midnight_are_different_days(
    world: World, last: str, first: str
) -> None:
    entry = new_york(last[:10] + " 10:00:00")
    round_trip(world, entry, new_york(last))
    round_trip(world, entry, new_york(first), exit_price="9.00")
    assert world.stats() == {
        last[:10]: (Decimal("10.00"), 1, 1),
        first[:10]: (Decimal("-10.00"), 1, 0),
    }


def test_the_hour_that_comes_twice_is_one_day(world: World) -> None:
    first, second = new_york("2025-11-02 01:30:00"), new_york("2025-11-02 01:30:00", fold=1)
    assert (second.astimezone(UTC) - first.astimezone(UTC)).seconds == 3600
    round_trip(world, first, second)
    assert world.stats() == {"2025-11-02": (Decimal("10.00"), 1, 1)}


def test_a_day_trade_is_a_round_trip_within_one_date_in_new_york(world: World) -> None:
    day = "2026-11-19"
    round_trip(world, new_york(f"{day} 00:00:00"), new_york(f"{day} 23:59:59.999999"))
    round_trip(world, new_york(f"{day} 09:30:00"), new_york(f"{day} 09:30:00"))
    round_trip(world, new_york("2026-11-18 23:59:59.999999"), new_york(f"{day} 00:00:00"))
    # the same date in UTC, but not in New York
    round_trip(world, new_york("2026-11-18 20:00:00"), new_york(f"{day} 09:30:00"))
    assert world.stats()[day] == (Decimal("40.00"), 4, 2)


def test_statistics_of_a_day_add_up(world: World) -> None:
    at = new_york("2026-11-19 10:00:00")
    for exit_price in ("11.00", "9.50", "10.01"):
        round_trip(world, at, at, exit_price)
    assert world.stats() == {"2026-11-19": (Decimal("5.10"), 3, 3)}


def test_a_close_that_fails_leaves_no_statistics(world: World) -> None:
    trade = world.open_filled()
    world.sql(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'restrict_violation'; END $$;"
        " CREATE TRIGGER no BEFORE INSERT OR UPDATE ON bot_daily_stats FOR EACH ROW EXECUTE FUNCTION no()"
    )
    with pytest.raises(Exception, match="no"):
        world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")
    kept = world.trade(trade)
    assert (kept.status, kept.pnl, world.stats()) == ("open", None, {})
