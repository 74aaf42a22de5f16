"""What a program may say about a trade: each limit at its very value, and the form that a value is kept in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from bot.errors import InvalidParams
from bot.models import ExitReason
from bot.trading import trade_requests
from bot.trading.trade_requests import (
    CloseTrade,
    CorrectTrade,
    MarkExitReason,
    OpenTrade,
    RecordEntry,
    RecordExit,
    TradeRequest,
    VoidTrade,
)

OPENING: dict[str, Any] = {"symbol": "ACME", "shares": 10, "entry_price": 10}
ORDER = "61E69015-8549-4BFD-B9C3-01E75843F47D"
AT = datetime(2026, 11, 24, 15, tzinfo=UTC)


def opening(**change: Any) -> OpenTrade:
    return trade_requests.read(OpenTrade, {**OPENING, **change})


def refusal(kind: type[TradeRequest], given: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidParams) as caught:
        trade_requests.read(kind, given)
    fields: dict[str, list[str]] = caught.value.details["fields"]
    return fields


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shares", Decimal(1_000_000_000)),
        ("shares", Decimal(-1_000_000_000)),
        ("shares", Decimal("0.000000001")),
        ("entry_price", Decimal(10_000_000)),
        ("entry_price", Decimal("0.000000000000001")),
        ("symbol", "A" * 16),
        ("symbol", "BRK.B"),
        ("catalyst_type", "x" * 100),
        ("catalyst_tier", 1),
        ("catalyst_tier", 4),
        ("note", "x" * 500),
        ("entry_at", datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_each_limit_itself_is_allowed(name: str, value: Any) -> None:
    assert getattr(opening(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shares", Decimal("1000000000.000000001")),
        ("shares", Decimal("0.0000000001")),
        ("shares", Decimal("inf")),
        ("entryPrice", Decimal("10000000.000000000000001")),
        ("entryPrice", Decimal("1.0000000000000001")),
        ("symbol", "1ACME"),
        ("catalystType", "x" * 101),
        ("catalystType", "\0"),
        ("catalystTier", True),
        ("alpacaOrderId", ORDER[:-1]),
        ("alpacaOrderId", f"{ORDER}0"),
        ("entryAt", datetime(2000, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)),
        ("entryAt", 5.5),
    ],
)
def test_what_lies_beyond_a_limit_is_refused_by_the_name_of_its_field(name: str, value: Any) -> None:
    names = {"entryPrice": "entry_price"}
    given = {**OPENING, names.get(name, name): value}
    assert list(refusal(OpenTrade, given)) == [name]


def test_an_order_is_known_by_its_id_in_small_letters_and_a_time_in_utc() -> None:
    new_york = timezone(timedelta(hours=-5))
    opened = opening(alpacaOrderId=ORDER, entryAt=AT.astimezone(new_york).isoformat())
    assert opened.alpaca_order_id == ORDER.lower()
    assert opened.entry_at == AT
    assert opened.entry_at is not None
    assert opened.entry_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", [123456789012345.0, 1234567.12345678, -0.5])
def test_a_float_of_fifteen_digits_is_the_digits_that_it_prints(value: float) -> None:
    assert trade_requests._exact(value) == Decimal(repr(value))
    with pytest.raises(ValueError, match="over 15 digits"):
        trade_requests._exact(1234567890123456.0)


@pytest.mark.parametrize("reason", list(ExitReason))
def test_a_program_may_give_every_reason_but_those_of_reconciliation(reason: ExitReason) -> None:
    if reason.value.startswith("reconciled"):
        assert list(refusal(MarkExitReason, {"exitReason": reason})) == ["exitReason"]
    else:
        assert trade_requests.read(MarkExitReason, {"exitReason": reason}).exit_reason is reason


def test_what_may_be_left_out_may_and_what_is_needed_is_named() -> None:
    assert opening().model_dump(exclude_unset=True).keys() == OPENING.keys()
    assert trade_requests.read(RecordEntry, {"alpaca_order_id": ORDER}).shares is None
    assert trade_requests.read(CloseTrade, {"exit_price": 10}).exit_reason is None
    assert trade_requests.read(RecordExit, {"shares": 10, "exit_price": 10}).exit_at is None
    assert trade_requests.read(VoidTrade, {}).note is None
    assert set(refusal(OpenTrade, {})) == {"symbol", "shares", "entryPrice"}
    assert set(refusal(RecordEntry, {})) == {"alpacaOrderId"}
    assert set(refusal(CloseTrade, {})) == {"exitPrice"}
    assert set(refusal(RecordExit, {})) == {"shares", "exitPrice"}
    assert set(refusal(MarkExitReason, {})) == {"exitReason"}
    assert set(refusal(CorrectTrade, {"exitPrice": 10})) == {"reason"}


def test_a_fill_of_an_entry_has_its_time_or_not() -> None:
    fill = {"alpaca_order_id": ORDER, "entry_price": 10, "shares": 10}
    assert trade_requests.read(RecordEntry, fill).entry_at is None
    assert trade_requests.read(RecordEntry, {**fill, "entry_at": AT}).entry_at == AT


@pytest.mark.parametrize(
    "change", [{"exitPrice": 10}, {"exitAt": AT}, {"exitReason": "time_exit"}, {"note": "seen"}]
)
def test_a_correction_corrects_something_and_says_why(change: dict[str, Any]) -> None:
    assert trade_requests.read(CorrectTrade, {**change, "reason": "a bust"}).reason == "a bust"
    for reason in ("", "x" * 501, "\0"):
        assert list(refusal(CorrectTrade, {**change, "reason": reason})) == ["reason"]
    assert refusal(CorrectTrade, {"reason": "a bust"}) == {
        "body": ["nothing is corrected: give exitPrice, exitAt, exitReason or note"]
    }


def test_the_description_tells_the_limits_of_numbers_and_the_form_of_texts() -> None:
    described = OpenTrade.model_json_schema()["properties"]
    text = {"type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,15})?$"}
    assert described["shares"]["anyOf"] == [
        {"type": "number", "minimum": -1_000_000_000, "maximum": 1_000_000_000},
        text,
    ]
    assert described["entryPrice"]["anyOf"] == [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 10_000_000},
        text,
    ]
    assert described["symbol"]["pattern"] == "^[A-Z][A-Z0-9.]{0,15}$"
    order_id = described["alpacaOrderId"]["anyOf"][0]
    assert (order_id["format"], order_id["pattern"]) == (
        "uuid",
        "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    )
