"""Cursor pages: ``{"items": […], "nextCursor": …}``, newest first."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bot.errors import InvalidParams

T = TypeVar("T")


def encode(*position: object) -> str:
    """An opaque cursor that says where a page ended."""
    return (
        base64.urlsafe_b64encode(json.dumps([str(part) for part in position]).encode()).decode().rstrip("=")
    )


def decode(cursor: str | None, *types: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The position that *cursor* stands for, each part read by one of *types*; None for the first page.

    Raises:
        InvalidParams: it is not a cursor of this list.
    """
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(parts, list) or len(parts) != len(types):
            raise ValueError("another list's cursor")
        return tuple(read(part) for read, part in zip(types, parts, strict=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        message = "is not a cursor of this list; leave it out to begin at the newest"
        raise InvalidParams(details={"fields": {"cursor": [message]}}) from None


def _bigint(text: str) -> int:
    """A number that Postgres can compare with a bigint."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError("out of range")
    return number


def decode_number(cursor: str | None) -> int | None:
    """The same for a list that is ordered by one number."""
    position = decode(cursor, _bigint)
    return None if position is None else position[0]


def page(rows: Sequence[T], limit: int, position: Callable[[T], tuple[object, ...]]) -> dict[str, Any]:
    """The answer for *rows*, of which one more than *limit* was asked for, to see whether there are more."""
    items = rows[:limit]
    return {"items": items, "next_cursor": encode(*position(items[-1])) if len(rows) > limit else None}
