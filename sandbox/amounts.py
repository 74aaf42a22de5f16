"""Numbers the way Alpaca sends them: decimals, written as strings, never in exponents."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

ZERO = Decimal(0)
CENT = Decimal("0.01")
SHARE = Decimal("0.000000001")  # Alpaca counts fractional shares to nine places
RATIO = Decimal("0.0000000001")


def decimal(value: Any) -> Decimal:
    """Read a JSON number or a string as an exact, finite decimal.

    Raises ValueError for anything else. A float is read by the digits it prints, so 0.1 is 0.1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"{value!r} is not a number")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    # The bound keeps sums and products exact, and far from the exponents a decimal could otherwise carry.
    if not number.is_finite() or (number and not -10 <= number.adjusted() <= 15):
        raise ValueError(f"{value!r} is out of range")
    return number


def plain(number: Decimal) -> str:
    """Write a decimal as Alpaca does: no exponent and no trailing zeros."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def rounded(number: Decimal, place: Decimal = SHARE) -> str:
    """Write a decimal with no more places than ``place`` has."""
    return plain(number.quantize(place, ROUND_HALF_EVEN))
