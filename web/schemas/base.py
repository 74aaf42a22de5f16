"""What requests and answers are made of. JSON names are camelCase, numbers are numbers, times are ISO 8601 in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from bot import validation


def _split(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


def _written(value: Any) -> Any:
    # pydantic would take 5 for five seconds after 1970
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("must be written as 2026-11-20")
    return value


def _in_utc(value: datetime) -> datetime:
    """*value* as a moment; without an offset it is UTC. Its offset may lead out of the years that there are."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


Number = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
Storable = Annotated[
    str, AfterValidator(validation.storable), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
]
#: A date or a time that is written out.
Written = BeforeValidator(_written)
#: A time that is written out.
WrittenMoment = Annotated[datetime, Written, AfterValidator(_in_utc)]
#: ``?status=open,closed``
ListOf = BeforeValidator(_split)


class Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Input(Shape):
    model_config = ConfigDict(extra="forbid")
