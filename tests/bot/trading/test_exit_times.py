"""When an exit may have been."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.errors import InvalidParams
from bot.models import BotTrade
from bot.trading import exits
from bot.trading.trade_requests import CloseTrade
from bot.trading.trade_rules import CLOCK_SKEW

ENTRY = datetime(2026, 11, 24, 15, tzinfo=UTC)
NOW = ENTRY + timedelta(hours=1)
SOON = timedelta(microseconds=1)


def time_of(exit_at: datetime | None, now: datetime = NOW) -> datetime:
    said = CloseTrade(exit_price=Decimal(10), exit_at=exit_at)
    return exits._time(BotTrade(entry_at=ENTRY), said, now)


@pytest.mark.parametrize("at", [ENTRY, ENTRY + SOON, NOW, NOW + CLOCK_SKEW])
def test_an_exit_may_be_from_the_entry_until_now_as_far_as_clocks_agree(at: datetime) -> None:
    assert time_of(at) == at


@pytest.mark.parametrize(
    ("at", "problem"), [(ENTRY - SOON, "is before the entry"), (NOW + CLOCK_SKEW + SOON, "is in the future")]
)
def test_an_exit_before_its_entry_or_in_the_future_is_none(at: datetime, problem: str) -> None:
    with pytest.raises(InvalidParams, match=f"exitAt: {problem}"):
        time_of(at)


def test_without_a_time_an_exit_is_now_and_never_before_its_entry() -> None:
    assert time_of(None) == NOW
    assert time_of(None, now=ENTRY - timedelta(seconds=2)) == ENTRY
