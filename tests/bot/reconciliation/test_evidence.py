"""What an attempt reads to judge by: how far back, of which assets, and what it cost."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from bot.reconciliation import evidence
from bot.reconciliation.evidence import ReadFailed, Reading
from tests.bot.fake import Answer
from tests.bot.fake_account import FakeAccount
from tests.bot.fake_holdings import asset_id
from tests.bot.world import World

Fake = World[FakeAccount]
MINUTE, DAY = 60.0, 86_400.0


def gathered(world: Fake) -> Reading:
    found = world.gather()
    assert isinstance(found, Reading), found
    return found


def at(world: Fake, seconds_ago: float) -> dict[str, datetime]:
    moment = world.ago(seconds_ago)
    return {"created_at": moment, "entry_at": moment}


def has_exit(world: Fake, trade: UUID, happened: float, booked: float | None = None) -> str:
    """An exit that happened so many seconds ago, and was booked then; the order's id."""
    order = f"of {happened} and {booked}"
    world.sql(
        "INSERT INTO bot_trade_exit (trade_id, shares, price, pnl, source, order_id, at, created_at)"
        " VALUES (%s, 1, 10, 0, 'ledger', %s, %s, %s)",
        [trade, order, world.ago(happened), world.ago(happened if booked is None else booked)],
    )
    return order


def orders(found: Reading) -> set[str | None]:
    return {each.order_id for each in found.booked}


# -- how far back -----------------------------------------------------------------------------------------------


def test_exits_are_read_from_a_minute_before_the_oldest_entry_on_and_what_was_booked_in_the_last_minute(
    fake_world: Fake,
) -> None:
    for ago in (10 * MINUTE, 60 * MINUTE):
        fake_world.trade("AAPL", 10, **at(fake_world, ago))
    other = fake_world.trade("AAPL", 10, status="closed", exit_at=fake_world.ago(30))
    read = {has_exit(fake_world, other, happened) for happened in (15, 59 * MINUTE, 60.25 * MINUTE)}
    read.add(has_exit(fake_world, other, 90 * MINUTE, 15))
    for happened, booked in ((62 * MINUTE, None), (90 * MINUTE, 5 * MINUTE)):
        has_exit(fake_world, other, happened, booked)
    assert orders(gathered(fake_world)) == read


def test_where_no_trade_is_open_the_latest_are_read(fake_world: Fake) -> None:
    """A position can lag the exit that closed its last trade."""
    other = fake_world.trade("AAPL", 10, status="closed", exit_at=fake_world.ago(30))
    read = {has_exit(fake_world, other, 15), has_exit(fake_world, other, 10 * MINUTE, 15)}
    has_exit(fake_world, other, 3 * MINUTE)
    fake_world.paper.holds(AAPL=10)
    assert orders(gathered(fake_world)) == read


@pytest.mark.parametrize(
    ("entered", "names"), [(MINUTE * 10, {"FB", "META"}), (5 * DAY, {"FB", "META", "OLDER"})]
)
def test_the_symbols_of_an_assets_exits_are_known_for_three_days_or_since_the_oldest_entry(
    fake_world: Fake, entered: float, names: set[str]
) -> None:
    asset = asset_id("META")
    fake_world.trade("META", 10, asset_id=asset, **at(fake_world, entered))
    for symbol, ago in (("FB", 2.9 * DAY), ("OLDER", 4 * DAY), ("OLDEST", 6 * DAY)):
        other = fake_world.trade(symbol, 1, asset_id=asset, status="closed", exit_at=fake_world.ago(ago))
        has_exit(fake_world, other, ago)
    assert gathered(fake_world).record.names == {asset: names}


def test_an_exit_that_was_booked_under_a_former_symbol_is_read(fake_world: Fake) -> None:
    asset = asset_id("META")
    fake_world.trade("META", 10, asset_id=asset, **at(fake_world, 10 * MINUTE))
    other = fake_world.trade("FB", 1, asset_id=asset, status="closed", exit_at=fake_world.ago(60))
    stranger = fake_world.trade("TSLA", 1, status="closed", exit_at=fake_world.ago(60))
    has_exit(fake_world, stranger, 300)
    read = has_exit(fake_world, other, 300)
    assert orders(gathered(fake_world)) == {read}


def test_closed_trades_are_read_for_three_days_and_only_of_what_the_broker_no_longer_holds(
    fake_world: Fake,
) -> None:
    for symbol in ("GONE", "LESS"):
        fake_world.trade(symbol, 10, **at(fake_world, 10 * MINUTE))
    fake_world.paper.holds(LESS=5)

    def closed(symbol: str, ago: float) -> UUID:
        return fake_world.trade(symbol, 1, status="closed", exit_at=fake_world.ago(ago))

    recent = closed("GONE", 2.9 * DAY)
    closed("GONE", 3.1 * DAY)
    closed("LESS", DAY)
    closed("OTHER", DAY)
    assert [each.id for each in gathered(fake_world).record.closed] == [recent]


def test_where_both_sides_agree_nothing_else_is_read(fake_world: Fake) -> None:
    trade = fake_world.trade("AAPL", 10, filled=True)
    has_exit(fake_world, trade, 30)
    fake_world.paper.holds(AAPL=10)
    found = gathered(fake_world)
    assert (found.trades, found.booked, found.record.fills, found.record.names) == ((), (), (), {})
    assert (found.requests, found.comparison.matched) == (3, 1)


def test_a_fill_that_entered_another_trade_is_known_for_an_entry(fake_world: Fake) -> None:
    """Whatever became of that one: it is no exit of a trade of the other side."""
    fake_world.trade("AAPL", -10, asset_id=asset_id("AAPL"), **at(fake_world, 10 * MINUTE))
    moment = fake_world.ago(300)
    entered = [fake_world.paper.order("new", "AAPL", 10, at=moment) for _ in range(3)]
    for order in entered:
        fake_world.paper.fill(order, 10, 10, moment)
    fake_world.trade("AAPL", 10, status="closed", exit_at=moment, alpaca_order_id=entered[0])
    fake_world.trade("AAPL", -10, status="closed", exit_at=moment, alpaca_order_id=entered[1])
    assert gathered(fake_world).record.entered == {entered[0]}


# -- what it cost, and what failed ------------------------------------------------------------------------------


def test_a_reading_says_what_it_cost_and_how_long_alpaca_wants_to_be_left_alone(fake_world: Fake) -> None:
    found = gathered(fake_world)
    assert (found.requests, found.retry_after_sec, evidence.retry_after(found)) == (3, 0.0, 0.0)
    reset = time.time() + 60
    fake_world.paper.headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{reset:.0f}"}
    found = gathered(fake_world)
    assert 0 < found.retry_after_sec <= 60
    assert evidence.retry_after(found) == found.retry_after_sec


@pytest.mark.parametrize(
    ("path", "requests"), [("/v2/account", 1), ("/v2/clock", 2), ("/v2/positions", 3), ("/v2/orders", 4)]
)
def test_a_reading_that_failed_says_what_it_cost_and_whose_mode_it_was(
    fake_world: Fake, path: str, requests: int
) -> None:
    fake_world.trade("AAPL", 10)
    fake_world.paper.says(path, Answer({}, 401))
    before = fake_world.database.now()
    found = fake_world.gather()
    assert isinstance(found, ReadFailed)
    assert (found.mode, found.requests, str(found.error)[:28]) == (
        "paper",
        requests,
        "Alpaca rejected the API keys",
    )
    assert before <= found.began_at <= fake_world.database.now()


def test_one_that_ends_at_its_wall_is_a_time_out_that_cost_what_it_asked(
    fake_world: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over(_: float, work: Any) -> Any:
        work()
        raise TimeoutError

    monkeypatch.setattr(evidence, "run_with_timeout", over)
    found = fake_world.gather()
    assert isinstance(found, ReadFailed)
    assert (found.mode, getattr(found.error, "code", None), found.requests) == ("paper", "broker_timeout", 3)
