"""Checks a change of thresholds by the rules of ``bot.models.thresholds``, from whichever source it comes."""

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
    create_model,
)
from pydantic.alias_generators import to_camel

from bot.errors import InvalidParams
from bot.models import BotConfig
from bot.models.thresholds import THRESHOLDS, Threshold, ThresholdType
from bot.validation import fields_of


def _number(value: Any) -> Any:
    # pydantic would also take "500" and true for a decimal
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
        raise ValueError("must be a number")
    return value


def _tiers(tiers: list[int]) -> list[int]:
    if len(set(tiers)) != len(tiers):
        raise ValueError("names a tier twice")
    return sorted(tiers)


def _type_of(threshold: Threshold) -> Any:
    """The type that a value of *threshold* is checked by."""
    least, most = threshold.minimum, threshold.maximum
    match threshold.type:
        case ThresholdType.DECIMAL:
            bound, described = ("gt", "exclusiveMinimum") if threshold.above_minimum else ("ge", "minimum")
            limits: dict[str, Any] = {bound: least, "le": most, "decimal_places": threshold.decimal_places}
            # described here because pydantic would describe a Decimal as a number or a text
            schema = WithJsonSchema({"type": "number", described: least, "maximum": most})
            return Annotated[Decimal, BeforeValidator(_number), Field(**limits), schema]
        case ThresholdType.INTEGER:
            return Annotated[int, Field(ge=least, le=most, strict=True)]
        case ThresholdType.TIERS:
            tier = Annotated[int, Field(ge=least, le=most, strict=True)]
            return Annotated[list[tier], AfterValidator(_tiers)]
        case ThresholdType.BOOLEAN:
            return Annotated[bool, Field(strict=True)]


def _describe(schema: dict[str, Any]) -> None:
    """Describe in the schema what ``check_changes`` requires beyond the types: at least one threshold, and none that is null."""
    schema["minProperties"] = 1
    for name, described in schema["properties"].items():
        if name != "reason":
            described.pop("default")
            described.update(*(each for each in described.pop("anyOf") if each != {"type": "null"}))


class _Changes(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra=_describe,
    )


_FIELDS: dict[str, Any] = {
    name: (_type_of(threshold) | None, Field(None, description=threshold.description))
    for name, threshold in THRESHOLDS.items()
}
#: Any subset of the thresholds; names are camelCase in JSON and snake_case in the database.
ThresholdChanges = create_model("ThresholdChanges", __base__=_Changes, **_FIELDS)


def check_changes(params: Mapping[str, Any]) -> dict[str, Any]:
    """The changes in *params*, by column name.

    Raises:
        InvalidParams: naming each bad field in ``details["fields"]``; then no part of the change may be applied.
    """
    try:
        changes = ThresholdChanges.model_validate(params)
    except ValidationError as error:
        raise InvalidParams(details={"fields": fields_of(error, unknown="is not a threshold")}) from None
    given = changes.model_dump(exclude_unset=True)
    missing = {to_camel(name): ["must not be null"] for name, value in given.items() if value is None}
    if missing:
        raise InvalidParams(details={"fields": missing})
    if not given:
        raise InvalidParams("There is nothing to change: name at least one threshold.")
    return given


def differences(config: BotConfig, changes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The differences that *changes*, by column name, make to *config*: each value before and after, by its name in JSON."""
    pairs = {THRESHOLDS[name].json_name: (getattr(config, name), value) for name, value in changes.items()}
    return {
        name: [_shown(before), _shown(after)] for name, (before, after) in pairs.items() if before != after
    }


def raise_risk(config: BotConfig, params: Mapping[str, Any]) -> bool:
    """Whether more can be lost after the change in *params*; false for an invalid change, which changes nothing."""
    try:
        changes = check_changes(params)
    except InvalidParams:
        return False
    return any(THRESHOLDS[name].is_riskier(getattr(config, name), value) for name, value in changes.items())


def _shown(value: Any) -> Any:
    # as a text, because JSON's numbers are not exact
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value
