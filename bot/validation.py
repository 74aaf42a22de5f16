"""Describes invalid values in sentences for people, and checks what Postgres can store as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

#: The reason for an unknown field, unless the caller has a better one.
UNKNOWN_FIELD = "is not a known field"

#: The farthest time zone from UTC. Postgres accepts up to 16 hours.
FARTHEST_ZONE = timedelta(hours=14)


def fields_of(error: ValidationError, *, unknown: str = UNKNOWN_FIELD) -> dict[str, list[str]]:
    """The reasons why each field is wrong.

    Args:
        error: what pydantic found.
        unknown: the reason for a field that the schema does not have.

    Returns:
        Reasons by the field's name in JSON; those that concern no single field are under ``body``.
    """
    fields: dict[str, list[str]] = {}
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "body"
        if problem["type"] == "extra_forbidden":
            fields.setdefault(name, []).append(unknown)  # by the name that was given
        else:
            fields.setdefault(to_camel(name), []).append(reason_of(problem["msg"]))
    return fields


def reason_of(message: str) -> str:
    """Pydantic's *message* about one value, without parts that only programmers understand."""
    if message == "Extra inputs are not permitted":
        return UNKNOWN_FIELD
    return message.removeprefix("Value error, ")


def is_storable(value: Any) -> bool:
    """Whether every text in the JSON value *value* can be stored: no NUL and no half of a surrogate pair."""
    if isinstance(value, str):
        return "\0" not in value and _encodes(value)
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(is_storable(item) for item in value)
    return not (isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))))


def storable(value: str) -> str:
    """*value*, for schemas.

    Raises:
        ValueError: it cannot be stored.
    """
    if not is_storable(value):
        raise ValueError("has characters that cannot be stored")
    return value


def in_utc(value: datetime) -> datetime:
    """*value* in UTC, for schemas; without a zone it is taken as UTC.

    Raises:
        ValueError: no time zone has its offset, or it is outside the range of times.
    """
    offset = value.utcoffset()
    if offset is None:
        return value.replace(tzinfo=UTC)
    if abs(offset) > FARTHEST_ZONE:
        raise ValueError("has an offset that no time zone has")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the last year that there is") from None


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
