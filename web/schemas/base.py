"""The base classes of requests and answers. JSON names are camelCase, numbers are numbers, times are ISO 8601 in UTC."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaMode

from bot import validation
from bot.errors import InvalidParams


def _split(value: Any) -> Any:
    given = [value] if isinstance(value, str) else value
    return [part for each in given for part in str(each).split(",")] if isinstance(given, list) else given


def _written(value: Any) -> Any:
    # pydantic would take 5 for five seconds after 1970
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("must be written as 2026-11-20")
    return value


Number = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
Storable = Annotated[
    str, AfterValidator(validation.storable), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
]
#: A date or a time that is written out.
Written = BeforeValidator(_written)
Moment = Annotated[datetime, Written, AfterValidator(validation.in_utc)]
#: ``?status=open,closed`` or ``?status=open&status=closed``
ListOf = BeforeValidator(_split)


class Shape(BaseModel):
    """An answer. Its schema is that of the output, in which every field is present and numbers are numbers."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        json_schema_serialization_defaults_required=True,
    )

    described_as: ClassVar[JsonSchemaMode] = "serialization"

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        return super().model_json_schema(*args, **{**options, "mode": cls.described_as})


class Input(Shape):
    """A request's body. Its schema is that of the input."""

    model_config = ConfigDict(extra="forbid")
    described_as: ClassVar[JsonSchemaMode] = "validation"


class Query(Input):
    """Query parameters: each may be given once, except for lists, which may be given several times."""

    @model_validator(mode="before")
    @classmethod
    def _once(cls, given: Any) -> Any:
        """Reject a repeated parameter by name; a ValueError would be about the query as a whole."""
        lists = {
            field.alias or name
            for name, field in cls.model_fields.items()
            if get_origin(field.annotation) is list
        }
        repeated = {name for name, value in given.items() if isinstance(value, list)} - lists
        if repeated:
            raise InvalidParams(
                details={"fields": {name: ["may be given only once"] for name in sorted(repeated)}}
            )
        return given
