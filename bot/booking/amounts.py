"""Arithmetic of money: exact, except for an average with endless decimals."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

#: An average price is rounded, half to even, to this many decimal places if it has more. No profit is computed from it.
AVERAGE_PLACES = 15

#: Enough digits for the product of any price and any number of shares, and for any sum of them.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_LAST_PLACE = Decimal(1).scaleb(-AVERAGE_PLACES)


def profit(shares: Decimal, entry_price: Decimal, exit_price: Decimal) -> Decimal:
    """Profit in US dollars, exact; *shares* are negative for a short trade. Fees are not part of it."""
    return EXACT.multiply(shares, EXACT.subtract(exit_price, entry_price))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    found = Decimal(0)
    for amount in amounts:
        found = EXACT.add(found, amount)
    return found


def average(parts: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """The price of all *parts*, each shares and price, weighted by shares: exact up to AVERAGE_PLACES."""
    every = list(parts)
    shares = total(count for count, _ in every)
    return quotient(total(EXACT.multiply(count, price) for count, price in every), shares)


def quotient(amount: Decimal, shares: Decimal) -> Decimal:
    """US dollars for one share: exact up to AVERAGE_PLACES."""
    return EXACT.normalize(EXACT.quantize(EXACT.divide(amount, shares), _LAST_PLACE))
