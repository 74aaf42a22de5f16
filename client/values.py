"""Numbers and times as the interface takes them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal


def plain(number: Decimal | float | str | None) -> str | None:
    """Every digit of it and no exponent: as text it stays exact."""
    if number is None or isinstance(number, str):
        return number
    return f"{Decimal(str(number)):f}"


def written(moment: datetime | str | None) -> str | None:
    """*moment* with its offset.

    Raises:
        ValueError: it has none, so it could be any of 24 hours.
    """
    if moment is None or isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset: use datetime.now(UTC), not datetime.now()")
    return moment.isoformat()
