"""The rules for changes of trades, at their limits: fractions of shares, short trades, exact quantities."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.booking import rules
from bot.booking.amounts import average, quotient, total
from bot.errors import InvalidParams, TradeConflict
from bot.models import BotTrade, BotTradeExit, ExitReason, ExitSource, TradeStatus
from bot.trading import trade_rules
from bot.trading.trade_requests import RecordEntry

AT = datetime(2026, 11, 24, 15, tzinfo=UTC)


def trade(shares: str = "10", **columns: Any) -> BotTrade:
    """An open, filled trade of *shares* entered at 10 dollars, but for *columns*."""
    usual = {
        "status": TradeStatus.OPEN,
        "filled": True,
        "exited_shares": Decimal(0),
        "entry_price": Decimal(10),
    }
    return BotTrade(id=uuid4(), symbol="AAPL", shares=Decimal(shares), entry_at=AT, **{**usual, **columns})


# -- how much may be exited -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "exited"), [("10", "10"), ("10", "0.1"), ("0.5", "0.5"), ("0.5", "0.2"), ("-0.5", "-0.5")]
)
def test_all_of_a_trade_and_any_part_of_it_may_be_exited(held: str, exited: str) -> None:
    rules.must_be_held(trade(held), Decimal(exited))


@pytest.mark.parametrize(
    ("held", "exited", "sentence"),
    [
        ("10", "10.000000001", "holds 10 shares, and 10.000000001 were to be exited"),
        ("-10", "-11", "holds -10 shares, and -11 were to be exited"),
        ("10", "-1", "is long, so the shares of its exits are positive"),
        ("-10", "1", "is short, so the shares of its exits are negative"),
        ("0.5", "-0.5", "is long, so the shares of its exits are positive"),
        ("-0.5", "0.5", "is short, so the shares of its exits are negative"),
        ("1", "-1", "is long, so the shares of its exits are positive"),
        ("10", "0", "is long, so the shares of its exits are positive"),
    ],
)
def test_no_more_than_is_held_and_nothing_of_the_other_side(held: str, exited: str, sentence: str) -> None:
    with pytest.raises(TradeConflict, match=sentence):
        rules.must_be_held(trade(held), Decimal(exited))


def test_what_was_exited_before_is_held_no_more() -> None:
    rules.must_be_held(trade(exited_shares=Decimal(4)), Decimal(6))
    with pytest.raises(TradeConflict, match="holds 6 shares"):
        rules.must_be_held(trade(exited_shares=Decimal(4)), Decimal(7))


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"status": TradeStatus.VOID}, "not known to have filled"),
        ({"filled": False}, "not known to have filled"),
        ({"status": TradeStatus.CLOSED}, "is closed. To correct how it ended, use PATCH"),
    ],
)
def test_a_trade_that_never_filled_or_has_ended_has_nothing_to_exit(
    columns: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TradeConflict, match=sentence):
        rules.must_be_held(trade(**columns), Decimal(1))
    rules.must_be_held(trade(status=TradeStatus.MISSED), Decimal(1))


# -- what an entry may become ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "exited", "fill"),
    [("10", "4", "4"), ("10", "0", "25"), ("0.5", "0", "0.4"), ("-1", "0", "-1")],
)
def test_an_entry_may_fill_as_much_as_was_exited(shares: str, exited: str, fill: str) -> None:
    rules.must_cover_exits(trade(shares, exited_shares=Decimal(exited)), Decimal(fill))


@pytest.mark.parametrize(
    ("shares", "exited", "fill", "sentence"),
    [
        ("10", "4", "3.999", "Exits of 4 shares of trade .* are booked, more than the 3.999"),
        ("10", "0", "-10", "is long, but its fill is short"),
        ("-0.5", "0", "0.5", "is short, but its fill is long"),
        ("0.5", "0", "-0.5", "is long, but its fill is short"),
        ("10", "0", "0", "is long, but its fill is"),
    ],
)
def test_an_entry_of_less_than_was_exited_or_of_the_other_side_is_none(
    shares: str, exited: str, fill: str, sentence: str
) -> None:
    with pytest.raises(TradeConflict, match=sentence):
        rules.must_cover_exits(trade(shares, exited_shares=Decimal(exited)), Decimal(fill))


@pytest.mark.parametrize(("held", "fill"), [("10", "-10"), ("-0.5", "0.5"), ("0.5", "-0.5"), ("1", "-1")])
def test_a_trade_stays_on_its_side(held: str, fill: str) -> None:
    with pytest.raises(TradeConflict, match="but its fill is"):
        trade_rules.must_be_of_side(trade(held), Decimal(fill))
    trade_rules.must_be_of_side(trade(held), Decimal(held))


def test_a_trade_must_have_one_of_the_states_that_a_change_is_for() -> None:
    rules.must_be(trade(), TradeStatus.MISSED, TradeStatus.OPEN)
    with pytest.raises(TradeConflict, match="is open, not missed or void"):
        rules.must_be(trade(), TradeStatus.MISSED, TradeStatus.VOID)


# -- what is the same -----------------------------------------------------------------------------------------


def test_a_fill_that_is_booked_is_booked_with_the_same_shares_and_price() -> None:
    there = BotTradeExit(fill_id="f1", shares=Decimal(4), price=Decimal("10.5"))
    rules.must_be_same_fill(trade(), there, Decimal(4), Decimal("10.50"))
    for shares, price in (("5", "10.5"), ("4", "10.6")):
        with pytest.raises(TradeConflict, match=r"Fill f1 of trade .* is booked as 4 at 10\.5"):
            rules.must_be_same_fill(trade(), there, Decimal(shares), Decimal(price))


def test_what_differs_is_named_and_what_is_left_out_does_not_count() -> None:
    order = "904837e3-3b76-47ec-b432-046db621571b"
    said = RecordEntry(alpaca_order_id=order, entry_price=Decimal(11), shares=Decimal(10))
    names = ("shares", "entry_price", "entry_at")
    assert trade_rules.differences(trade(), said, *names) == ["entryPrice"]
    with pytest.raises(TradeConflict, match="is recorded with another entryPrice; nothing was changed"):
        trade_rules.must_agree(trade(), said, *names)
    trade_rules.must_agree(trade(entry_price=Decimal(11)), said, *names)


def test_nothing_fills_in_the_future_beyond_what_clocks_differ() -> None:
    trade_rules.must_have_been(AT, entryAt=AT + trade_rules.CLOCK_SKEW, exitAt=None)
    late = AT.replace(microsecond=1) + trade_rules.CLOCK_SKEW
    with pytest.raises(InvalidParams) as refused:
        trade_rules.must_have_been(AT, entryAt=AT, exitAt=late)
    assert refused.value.details == {"fields": {"exitAt": [f"is in the future: it is {AT.isoformat()} now"]}}


# -- why a trade ended ----------------------------------------------------------------------------------------

GIVEN, GUESSED = ExitReason.HARD_STOP, ExitReason.RECONCILED_MISSING


@pytest.mark.parametrize(
    ("marked", "source", "reason"),
    [
        (None, ExitSource.RECONCILIATION, ExitReason.RECONCILED_EXIT),
        (None, ExitSource.FLATTEN, ExitReason.FORCE_CLOSE),
        (None, ExitSource.LEDGER, None),
        (GIVEN, ExitSource.RECONCILIATION, GIVEN),
        (GIVEN, ExitSource.FLATTEN, GIVEN),
        (GIVEN, ExitSource.LEDGER, GIVEN),
        (GUESSED, ExitSource.RECONCILIATION, ExitReason.RECONCILED_EXIT),
        (GUESSED, ExitSource.LEDGER, GUESSED),
    ],
)
def test_a_reason_that_was_marked_stays_unless_it_only_said_that_nobody_knew(
    marked: ExitReason | None, source: ExitSource, reason: ExitReason | None
) -> None:
    assert rules.reason_of(trade(exit_reason=marked), source) is reason


def test_a_closed_row_of_another_program_has_one_exit_with_its_own_profit_or_the_computed_one() -> None:
    ended: dict[str, Any] = {"exit_price": Decimal(12), "exit_at": AT}
    [computed] = rules.exit_of_foreign_row(trade(**ended))
    [given] = rules.exit_of_foreign_row(trade(**ended, pnl=Decimal("19.5")))
    assert (computed.pnl, given.pnl) == (Decimal(20), Decimal("19.5"))
    assert (computed.shares, computed.price, computed.at) == (Decimal(10), Decimal(12), AT)
    for name in ended:
        assert rules.exit_of_foreign_row(trade(**{**ended, name: None})) == []


def test_notes_are_added_a_line_each() -> None:
    one = trade()
    for sentence in ("first", None, "", "second"):
        rules.note(one, sentence)
    assert one.note == "first\nsecond"


@pytest.mark.parametrize(
    ("shares", "name"), [("1", "long"), ("0.1", "long"), ("-0.1", "short"), ("-1", "short")]
)
def test_the_sign_of_shares_is_their_side(shares: str, name: str) -> None:
    assert rules.side(Decimal(shares)) == name


# -- money ----------------------------------------------------------------------------------------------------


def test_sums_are_exact_and_averages_have_fifteen_places_half_to_even() -> None:
    assert total([]) == 0
    assert total(Decimal(each) for each in ("1e30", "1e-30", "-1e30")) == Decimal("1e-30")
    thirds = average([(Decimal(1), Decimal(10)), (Decimal(2), Decimal(11))])
    assert thirds == Decimal("10.666666666666667")
    assert quotient(Decimal("0.000000000000001"), Decimal(2)) == 0
    assert quotient(Decimal("0.000000000000003"), Decimal(2)) == Decimal("0.000000000000002")
