"""What is taken for a number in a request about a trade, and the sentence for each field that is not right."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidParams
from bot.trading import trade_requests
from tests.bot.ledger_world import ORDER


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (10, "10"),
        ("10.25", "10.25"),
        (Decimal("10.25"), "10.25"),
        (10.25, "10.25"),
        (0.1, "0.1"),
        (12345.6789, "12345.6789"),
        ("0.000000001", "0.000000001"),
        ("10.000000000000", "10"),
    ],
)
def test_a_price_is_taken_exactly_as_it_is_written(said: Any, taken: str) -> None:
    assert trade_requests.read(trade_requests.CloseTrade, {"exit_price": said}).exit_price == Decimal(taken)


@given(st.decimals(min_value="0.0001", max_value="9999999.9999", places=4))
def test_every_price_of_four_places_survives_as_a_json_number(price: Decimal) -> None:
    assert (
        trade_requests.read(trade_requests.CloseTrade, {"exit_price": float(str(price))}).exit_price == price
    )


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (0.1 + 0.2, "exitPrice: is a number of over 15 digits, which is not exact; send it as text"),
        (1 / 3, "is not exact"),
        (float("nan"), "is not exact"),
        (float("inf"), "is not exact"),
        (Decimal("NaN"), "should be a finite number"),
        (Decimal("1E+30"), "must be at most 10000000 US dollars"),
        ("10000000.01", "must be at most 10000000 US dollars"),
        ("0.0000000000000001", "must be a number"),
        (Decimal("1.0000000000000000000000000000000000000001"), "must have at most 15 decimal places"),
        ("ten", "must be a number, or one written as text"),
        ("1e3", "must be a number"),
        ("1_000", "must be a number"),
        (" 10", "must be a number"),
        ("", "must be a number"),
        ("NaN", "must be a number"),
        (True, "must be a number"),
        ([10], "must be a number"),
        (0, "must be above zero"),
        ("-0.01", "must be above zero"),
        ("0.00", "must be above zero"),
    ],
)
def test_what_is_not_an_exact_price_is_refused(said: Any, sentence: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        trade_requests.read(trade_requests.CloseTrade, {"exit_price": said})
    assert sentence in str(refused.value)
    assert list(refused.value.details["fields"]) == ["exitPrice"]


OPENING: dict[str, Any] = {"symbol": "ACME", "shares": 10, "entry_price": 10}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"symbol": "acme"}, "symbol: must be a symbol as Alpaca writes it, such as AAPL or BRK.B."),
        ({"symbol": ""}, "symbol: must be a symbol"),
        ({"symbol": "BTC/USD"}, "symbol: is not a US equity, and this bot trades nothing else."),
        ({"symbol": "A CME"}, "symbol: must be a symbol"),
        ({"symbol": "ACMÉ"}, "symbol: must be a symbol"),
        ({"symbol": "ACME\n"}, "symbol: must be a symbol"),
        ({"symbol": "A" * 17}, "symbol: must be a symbol"),
        ({"shares": 0}, "shares: must not be zero: positive is long, negative is short."),
        ({"shares": "-0.0"}, "shares: must not be zero"),
        ({"shares": 1_000_000_001}, "shares: must be at most 1000000000 shares."),
        ({"shares": -1_000_000_001}, "shares: must be at most 1000000000 shares."),
        ({"catalyst_tier": 0}, "catalystTier: Input should be greater than or equal to 1."),
        ({"catalyst_tier": 5}, "catalystTier: Input should be less than or equal to 4."),
        ({"catalyst_tier": "2"}, "catalystTier: Input should be a valid integer."),
        ({"alpaca_order_id": ""}, "alpacaOrderId: must be the id that Alpaca gave the order, a UUID."),
        ({"alpaca_order_id": "a b"}, "alpacaOrderId: must be the id"),
        ({"note": "x" * 501}, "note: String should have at most 500 characters."),
        ({"note": "\0"}, "note: has characters that cannot be stored."),
        ({"entry_at": datetime(2026, 1, 5)}, "entryAt: Input should have timezone info."),  # noqa: DTZ001
        ({"entry_at": 5}, "entryAt: must be a time with its offset"),
        ({"entry_at": datetime(1, 1, 1, tzinfo=UTC)}, "entryAt: is before the year 2000."),
        ({"colour": "red"}, "colour: is not a known field."),
        (
            {"symbol": "a", "shares": 0},
            "symbol: must be a symbol as Alpaca writes it, such as AAPL or BRK.B. shares:",
        ),
    ],
)
def test_each_bad_field_of_an_opening_has_its_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        trade_requests.read(trade_requests.OpenTrade, {**OPENING, **change})
    assert sentence in str(refused.value)


@pytest.mark.parametrize("reason", ["reconciled_missing", "reconciled_missing_on_startup"])
def test_reconciliation_alone_says_that_a_position_was_missing(reason: str) -> None:
    with pytest.raises(InvalidParams, match="exitReason: is given by reconciliation only; use one of"):
        trade_requests.read(trade_requests.MarkExitReason, {"exit_reason": reason})


def test_a_reason_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidParams, match="exitReason: Input should be 'trailing_stop', 'hard_stop'"):
        trade_requests.read(trade_requests.MarkExitReason, {"exit_reason": "boredom"})


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"entry_price": 10}, "a fill has both entryPrice and shares"),
        ({"shares": 10}, "a fill has both entryPrice and shares"),
        ({"entry_at": datetime(2026, 1, 5, tzinfo=UTC)}, "entryAt is the time of a fill"),
    ],
)
def test_a_fill_is_given_whole(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidParams, match=sentence):
        trade_requests.read(trade_requests.RecordEntry, {"alpaca_order_id": ORDER[1], **said})
