"""Reads the bodies of the control API. What cannot be understood is a 400 that says why."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from flask import request

from sandbox.amounts import decimal
from sandbox.assets import is_symbol
from sandbox.errors import malformed
from sandbox.times import stamp, unix

T = TypeVar("T")


def body_of(kind: type[T]) -> T:
    """The body, which must be a list or an object."""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, kind):
        raise malformed(f"the body must be a JSON {'list' if kind is list else 'object'}")
    return body


def fields_of(*names: str) -> dict[str, Any]:
    """The body as an object that has no fields but these; no body at all has none."""
    body = body_of(dict) if request.get_data() else {}
    if unknown := sorted(body.keys() - set(names)):
        raise malformed(f"there is no field {unknown[0]!r} here; there are {', '.join(names)}")
    return body


def switch(value: Any, name: str) -> bool:
    """A true or false."""
    if not isinstance(value, bool):
        raise malformed(f"{name} must be true or false")
    return value


def number(value: Any, name: str) -> Decimal:
    """A number, or a text that is one."""
    try:
        return decimal(value)
    except ValueError as error:
        raise malformed(f"{name}: {error}") from error


def positive(value: Any, name: str) -> Decimal:
    """A number above zero."""
    if (found := number(value, name)) <= 0:
        raise malformed(f"{name} must be more than 0")
    return found


def seconds(value: Any, name: str) -> float:
    """A length of time, in seconds."""
    if (found := number(value, name)) < 0:
        raise malformed(f"{name} must not be negative")
    return float(found)


def symbol(value: Any, name: str = "symbol") -> str:
    """A symbol."""
    if not is_symbol(value):
        raise malformed(f"{name} cannot be {value!r}")
    return value


def uuid(value: Any) -> str:
    """An id."""
    try:
        return str(UUID(value))
    except (ValueError, TypeError, AttributeError) as error:
        raise malformed(f"{value!r} is not a UUID, and Alpaca's ids are") from error


def moment(body: Mapping[str, Any], name: str) -> str | None:
    """A time as Alpaca writes it; None if it is not given, or given as null."""
    if body.get(name) is None:
        return None
    try:
        return stamp(unix(body[name]))
    except (ValueError, OverflowError) as error:
        raise malformed(f"{name}: {body[name]!r} is not a time such as 2026-11-27T15:04:05Z") from error
