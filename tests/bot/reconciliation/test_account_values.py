"""A list of positions that the account's own values contradict, to the cent: nothing is known, so nothing is written off."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.broker.errors import BrokerInconsistent
from bot.broker.readings import Position
from bot.reconciliation.evidence import _check_values
from bot.reconciliation.local import Ignored
from tests.bot.fake import an_account
from tests.bot.reconciliation.books import comparison, dec, position, trade


def worth(symbol: str, shares: Any, value: Any) -> Position:
    return replace(position(symbol, shares), market_value=None if value is None else dec(value))


def check(
    books: Mapping[str, Any],
    positions: list[Position],
    *,
    long: Any = 0,
    short: Any = 0,
    ignored: tuple[Ignored, ...] = (),
) -> None:
    """Check a list against an account worth *long* and *short*, and trades of *books*."""
    compared = comparison([trade(shares, symbol) for symbol, shares in books.items()], positions, ignored)
    account = an_account("an account", long_market_value=str(long), short_market_value=str(short))
    _check_values(account, {each.symbol: each for each in positions}, compared)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("value", "listed", "is_known"),
    [
        ("1000", "980", True),
        ("1000", "979.99", False),
        ("1000", "1100", True),
        ("20", "19", True),
        ("20", "18.99", False),
        ("50", "49", True),
        ("51", "49.98", True),
        ("51", "49.97", False),
    ],
)
def test_the_list_may_fall_short_by_two_percent_or_a_dollar(
    side: int, value: str, listed: str, is_known: bool
) -> None:
    there = [worth("AAPL", 10 * side, dec(listed) * side)]
    account: dict[str, Any] = {"long" if side > 0 else "short": dec(value) * side}
    if is_known:
        check({"AAPL": 10 * side, "GONE": side}, there, **account)
        return
    with pytest.raises(BrokerInconsistent) as caught:
        check({"AAPL": 10 * side, "GONE": side}, there, **account)
    assert str(caught.value) == (
        f"Alpaca's list of positions contradicts its own account: the {'long' if side > 0 else 'short'} ones are worth"
        f" {dec(value):.2f} dollars there, and those in the list {dec(listed):.2f}."
    )


@pytest.mark.parametrize("side", [1, -1])
def test_only_the_side_on_which_the_list_shows_less_than_the_books_is_checked(side: int) -> None:
    there = [worth("AAPL", 10 * side, 100 * side)]
    account: dict[str, Any] = {"long": 500, "short": -500}
    other, same = ("short", "long") if side > 0 else ("long", "short")
    with pytest.raises(BrokerInconsistent, match=f"the {same} ones"):
        check({"AAPL": 11 * side}, there, **account)
    with pytest.raises(BrokerInconsistent, match=f"the {other} ones"):
        check({"AAPL": -1 * side}, there, **account)
    check({"AAPL": 9 * side}, there, **account)
    check({}, there, **account)


@pytest.mark.parametrize("side", [1, -1])
def test_one_that_is_short_by_one_symbol_is_checked_though_another_shows_more(side: int) -> None:
    there = [worth("AAPL", 10 * side, 100 * side)]
    account: dict[str, Any] = {"long": 500, "short": -500}
    with pytest.raises(BrokerInconsistent):
        check({"AAPL": 9 * side, "GONE": side}, there, **account)


@pytest.mark.parametrize("side", [1, -1])
def test_an_ignored_position_that_the_list_has_lost_is_not_forgotten_by_a_list_that_is_contradicted(
    side: int,
) -> None:
    ignored = Ignored("MSFT", "asset of MSFT", Decimal(5 * side))
    account: dict[str, Any] = {"long" if side > 0 else "short": 50 * side}
    with pytest.raises(BrokerInconsistent):
        check({}, [], ignored=(ignored,), **account)
    other: dict[str, Any] = {"short" if side > 0 else "long": -50 * side}
    check({}, [], ignored=(ignored,), **other)


@pytest.mark.parametrize("side", [1, -1])
def test_positions_of_which_one_has_no_price_contradict_nothing(side: int) -> None:
    unpriced, priced = worth("AAPL", 10 * side, None), worth("TSLA", side, 10 * side)
    check({"GONE": side}, [unpriced, priced], long=500, short=-500 if side < 0 else 0)
    # one of the other side does not count
    other = worth("AAPL", -10 * side, None)
    with pytest.raises(BrokerInconsistent):
        check({"GONE": side}, [other, priced], long=500, short=-500)
