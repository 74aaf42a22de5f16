"""The thresholds that an operator can change, with their limits. The rules hold for every way in."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from bot.errors import InvalidParams


def _number(value: Any) -> Any:
    # pydantic would also take "500" and true for a decimal
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
        raise ValueError("must be a number")
    return value


Number = Annotated[Decimal, BeforeValidator(_number)]
# Described by hand: pydantic would describe a Decimal as a number or a text.
Usd = Annotated[
    Number,
    Field(gt=0, le=10_000_000, decimal_places=2),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 10_000_000}),
]
Multiplier = Annotated[
    Number,
    Field(ge=0, le=100, decimal_places=4),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100}),
]
Share = Annotated[
    Number,
    Field(ge=0, le=1, decimal_places=4),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
Percent = Annotated[
    Number,
    Field(gt=0, le=100, decimal_places=4),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 100}),
]
Multiple = Annotated[
    Number,
    Field(ge=0, le=10_000, decimal_places=4),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 10_000}),
]


def _tiers(tiers: list[int]) -> list[int]:
    if len(set(tiers)) != len(tiers):
        raise ValueError("names a tier twice")
    return sorted(tiers)


Tiers = Annotated[list[Annotated[int, Field(ge=1, le=4, strict=True)]], AfterValidator(_tiers)]


def _describe(schema: dict[str, Any]) -> None:
    """Say what ``check_changes`` asks for beyond the types: at least one threshold, and none that is null."""
    schema["minProperties"] = 1
    for name, described in schema["properties"].items():
        if name != "reason":
            described.pop("default")
            described.update(*(each for each in described.pop("anyOf") if each != {"type": "null"}))


class ThresholdChanges(BaseModel):
    """Any subset of the thresholds; names are camelCase on the wire and snake_case in the database."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra=_describe,
    )

    position_size_usd: Usd | None = Field(None, description="Money put into one position, in US dollars.")
    confidence_multiplier_high: Multiplier | None = Field(
        None, description="Factor on the size, high confidence."
    )
    confidence_multiplier_med: Multiplier | None = Field(
        None, description="Factor on the size, medium confidence."
    )
    confidence_multiplier_low: Multiplier | None = Field(
        None, description="Factor on the size, low confidence."
    )
    max_concurrent_positions: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = Field(
        None, description="The most positions open at once."
    )
    daily_loss_limit_usd: Usd | None = Field(
        None, description="Loss of one trading day, in US dollars, at which the gate closes."
    )
    min_win_rate: Share | None = Field(None, description="Least share of winning trades, 0 to 1.")
    hard_stop_loss_pct: Percent | None = Field(
        None, description="Loss of one position, in percent of its entry price, at which it is sold."
    )
    max_hold_duration_sec: Annotated[int, Field(ge=1, le=86_400, strict=True)] | None = Field(
        None, description="Longest time a position is held, in seconds."
    )
    enabled_catalyst_tiers: Tiers | None = Field(
        None, description="Catalyst tiers that are traded, of 1 to 4."
    )
    max_float_shares: Annotated[int, Field(ge=1, le=100_000_000_000, strict=True)] | None = Field(
        None, description="Largest float of a traded company, in shares."
    )
    max_share_price: Usd | None = Field(None, description="Highest price of a traded share, in US dollars.")
    min_relative_volume: Multiple | None = Field(
        None, description="Least relative volume of a traded share, as a multiple of its usual volume."
    )


THRESHOLDS = tuple(ThresholdChanges.model_fields)


def check_changes(params: Mapping[str, Any]) -> dict[str, Any]:
    """The changes in *params*, by column name.

    Raises:
        InvalidParams: naming each bad field in ``details["fields"]``; nothing of it may be applied then.
    """
    try:
        changes = ThresholdChanges.model_validate(params)
    except ValidationError as error:
        raise InvalidParams(details={"fields": _by_field(error)}) from None
    given = changes.model_dump(exclude_unset=True)
    missing = {to_camel(name): ["must not be null"] for name, value in given.items() if value is None}
    if missing:
        raise InvalidParams(details={"fields": missing})
    if not given:
        raise InvalidParams("There is nothing to change: name at least one threshold.")
    return given


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "body"
        reason = problem["msg"].removeprefix("Value error, ")
        fields.setdefault(name, []).append(
            "is not a threshold" if problem["type"] == "extra_forbidden" else reason
        )
    return fields
