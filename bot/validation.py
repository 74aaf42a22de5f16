"""What Postgres can store as text."""

from __future__ import annotations

from typing import Any


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


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
