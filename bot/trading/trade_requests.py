"""What a program records about a trade: its opening, its entry, its exit. The rules are the same for Python and HTTP.

Money and shares are exact: a Decimal, a whole number, or text such as ``"10.25"``. A float stands for the digits that it
prints, if these are at most 15, which every float preserves. More digits, as in ``0.1 + 0.2``, are rejected rather than
rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from bot.errors import InvalidParams
from bot.models import ExitReason
from bot.validation import fields_of, in_utc, storable

#: Decimal digits that every float keeps (IEEE 754 binary64).
FLOAT_DIGITS = 15
#: Alpaca counts shares to nine decimal places.
SHARE_PLACES = 9
#: Alpaca's average prices may have more decimal places than its prices.
PRICE_PLACES = 15
MOST_SHARES = Decimal(1_000_000_000)
#: US dollars for one share.
MOST_PRICE = Decimal(10_000_000)
#: Longest note, in characters.
MAX_NOTE = 500
#: Reasons that a program may give; only reconciliation gives the others.
GIVEN_REASONS = tuple(reason for reason in ExitReason if not reason.startswith("reconciled"))

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,15}")
_ORDER_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        shortest = Decimal(repr(value))
        if not shortest.is_finite() or len(shortest.normalize().as_tuple().digits) > FLOAT_DIGITS:
            raise ValueError(
                f'is a number of over {FLOAT_DIGITS} digits, which is not exact; send it as text, such as "10.25"'
            )
        return shortest
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError('must be a number, or one written as text, such as "10.25"')
    return Decimal(value)


def _bounded(most: Decimal, places: int, *, what: str, signed: bool) -> Callable[[Decimal], Decimal]:
    def check(value: Decimal) -> Decimal:
        if not value.is_finite() or abs(value) > most:
            raise ValueError(f"must be at most {most} {what}")
        if signed and value == 0:
            raise ValueError("must not be zero: positive is long, negative is short")
        if not signed and value <= 0:
            raise ValueError("must be above zero")
        if value != round(value, places):
            raise ValueError(f"must have at most {places} decimal places")
        return value

    return check


def _matches(pattern: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(sentence)
        return value

    return AfterValidator(check)


def _equity(value: str) -> str:
    if "/" in value:
        raise ValueError("is not a US equity, and this bot trades nothing else")
    return value


def _moment(value: Any) -> Any:
    # pydantic would take 5 for five seconds after 1970
    if not isinstance(value, str | datetime):
        raise ValueError("must be a time with its offset, such as 2026-11-20T15:30:00Z")
    return value


def _recent(value: datetime) -> datetime:
    if value < _EARLIEST:
        raise ValueError("is before the year 2000")
    return value


def _given(value: ExitReason) -> ExitReason:
    if value not in GIVEN_REASONS:
        raise ValueError(f"is given by reconciliation only; use one of {', '.join(GIVEN_REASONS)}")
    return value


def _described(**bounds: Any) -> Any:
    """The schema of a number: one within *bounds*, or one written as text."""
    text = {"type": "string", "pattern": f"^{_DECIMAL.pattern}$"}
    return Annotated[Decimal, WithJsonSchema({"anyOf": [{"type": "number", **bounds}, text]})]


Shares = Annotated[
    Decimal,
    BeforeValidator(
        _exact, json_schema_input_type=_described(minimum=-int(MOST_SHARES), maximum=int(MOST_SHARES))
    ),
    AfterValidator(_bounded(MOST_SHARES, SHARE_PLACES, what="shares", signed=True)),
]
Price = Annotated[
    Decimal,
    BeforeValidator(_exact, json_schema_input_type=_described(exclusiveMinimum=0, maximum=int(MOST_PRICE))),
    AfterValidator(_bounded(MOST_PRICE, PRICE_PLACES, what="US dollars", signed=False)),
]
Symbol = Annotated[
    str,
    AfterValidator(_equity),
    _matches(_SYMBOL, "must be a symbol as Alpaca writes it, such as AAPL or BRK.B"),
    Field(json_schema_extra={"pattern": f"^{_SYMBOL.pattern}$"}),
]
OrderId = Annotated[
    str,
    _matches(_ORDER_ID, "must be the id that Alpaca gave the order, a UUID"),
    AfterValidator(str.lower),
    Field(json_schema_extra={"format": "uuid", "pattern": f"^{_ORDER_ID.pattern}$"}),
]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(in_utc), AfterValidator(_recent)]
Reason = Annotated[ExitReason, AfterValidator(_given)]
Note = Annotated[str, Field(max_length=MAX_NOTE), AfterValidator(storable)]


class TradeRequest(BaseModel):
    """A request about a trade; names are camelCase in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class OpenTrade(TradeRequest):
    """A trade to be opened. With an order id its fill is known already; without one it is a reservation."""

    symbol: Symbol = Field(description="As Alpaca writes it.")
    shares: Shares = Field(description="Positive is long, negative is short. A number, or text.")
    entry_price: Price = Field(description="US dollars for one share, expected or filled. A number, or text.")
    catalyst_type: Annotated[str, Field(max_length=100), AfterValidator(storable)] | None = Field(
        None, description="What set the signal off."
    )
    catalyst_tier: Annotated[int, Field(ge=1, le=4, strict=True)] | None = Field(None, description="1 to 4.")
    alpaca_order_id: OrderId | None = Field(
        None, description="The order that filled. Leave it out to reserve first and send the order then."
    )
    entry_at: Moment | None = Field(None, description="When it filled; now, unless it is given.")
    note: Note | None = Field(None, description="For people.")


class RecordEntry(TradeRequest):
    """The entry order of a trade: its id, and once it is finished, its fill."""

    alpaca_order_id: OrderId = Field(description="The order that enters the trade.")
    entry_price: Price | None = Field(None, description="Average price of the fill, in US dollars.")
    shares: Shares | None = Field(None, description="Shares filled; negative is short.")
    entry_at: Moment | None = Field(None, description="When it filled; now, unless it is given.")

    @model_validator(mode="after")
    def _a_fill_is_whole(self) -> Self:
        if (self.entry_price is None) is not (self.shares is None):
            raise ValueError("a fill has both entryPrice and shares: give both, or neither")
        if self.entry_price is None and self.entry_at is not None:
            raise ValueError("entryAt is the time of a fill: give entryPrice and shares, too")
        return self


class CloseTrade(TradeRequest):
    """How a trade ended."""

    exit_price: Price = Field(
        description="Average price, in US dollars: of the whole exit order where that is given, else of the shares still held."
    )
    exit_reason: Reason | None = Field(None, description="Why; may be left out if it was marked before.")
    exit_at: Moment | None = Field(None, description="When the exit filled; now, unless it is given.")
    alpaca_exit_order_id: OrderId | None = Field(None, description="The order that left the position.")
    note: Note | None = Field(None, description="For people.")


class RecordExit(TradeRequest):
    """A fill, or a part of a fill, of the order that leaves a trade."""

    shares: Shares = Field(
        description="Shares that this fill exits, signed like the trade's: negative is short."
    )
    exit_price: Price = Field(description="Price of this fill, in US dollars.")
    exit_at: Moment | None = Field(None, description="When it filled; now, unless it is given.")
    alpaca_exit_order_id: OrderId | None = Field(None, description="The order that filled.")
    exit_reason: Reason | None = Field(None, description="Why; may be left out if it was marked before.")
    note: Note | None = Field(None, description="For people.")


class CorrectTrade(TradeRequest):
    """How a closed trade really ended."""

    exit_price: Price | None = Field(
        None, description="US dollars for one share; where a trade has several exits, of each."
    )
    exit_at: Moment | None = Field(None, description="When the last exit filled.")
    exit_reason: Reason | None = Field(None, description="Why it ended.")
    note: Note | None = Field(None, description="A line that is added to the trade's note.")
    reason: Annotated[str, Field(min_length=1, max_length=MAX_NOTE), AfterValidator(storable)] = Field(
        description="Why it is corrected; kept in the trade's events."
    )

    @model_validator(mode="after")
    def _something_is_corrected(self) -> Self:
        if not self.model_fields_set - {"reason"}:
            raise ValueError("nothing is corrected: give exitPrice, exitAt, exitReason or note")
        return self


class MarkExitReason(TradeRequest):
    """Why a trade is about to be exited."""

    exit_reason: Reason = Field(description="Why.")


class VoidTrade(TradeRequest):
    """Why a trade is void."""

    note: Note | None = Field(None, description="For people, such as what the broker said.")


S = TypeVar("S", bound=TradeRequest)


def read(kind: type[S], given: Mapping[str, Any]) -> S:
    """*given* as one of the classes above.

    Raises:
        InvalidParams: naming each bad field, as in JSON, in ``details["fields"]``.
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        raise invalid(**fields_of(error)) from None


def invalid(**fields: list[str]) -> InvalidParams:
    """The error whose sentence names each of *fields*."""
    return InvalidParams(details={"fields": fields})
