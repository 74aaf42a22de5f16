"""Prices of the simulated market: the same in every run, unless they are set or made to drift."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256

from sandbox.amounts import CENT, plain

# (period in seconds, share of the price): together a price stays within 3 % of where it started.
_WAVES = ((97, 0.004), (613, 0.009), (3571, 0.017))


@lru_cache(maxsize=200_000)
def first_price(symbol: str) -> Decimal:
    """The price of a symbol that nobody has set, in dollars from 5.00 to 504.99, drawn from its name."""
    return Decimal(500 + int.from_bytes(sha256(symbol.encode()).digest()[:4]) % 50_000) * CENT


class Prices:
    """The price of every symbol, in dollars.

    With ``walk`` prices drift slowly. The drift depends on symbol and time alone, so it needs no thread, and
    it is the same after a restart.
    """

    def __init__(self, *, walk: bool = False, now: Callable[[], float] = time.time) -> None:
        self.walk = walk
        self._now = now
        self._set: dict[str, Decimal] = {}
        self._closes: dict[str, Decimal] = {}
        self._revision = 0

    def revision(self) -> tuple[int, int]:
        """Changes whenever any price may have changed, so that what was computed from prices can be kept."""
        return self._revision, int(self._now()) if self.walk else 0

    def price(self, symbol: str) -> Decimal:
        """The present price, in whole cents unless it was set finer."""
        base = self._set.get(symbol) or first_price(symbol)
        if not self.walk:
            return base
        second = int(self._now())
        seed = sha256(symbol.encode()).digest()
        drift = sum(
            share * math.sin(2 * math.pi * (second / period + seed[4 + wave] / 256))
            for wave, (period, share) in enumerate(_WAVES)
        )
        return max(CENT, (base * Decimal(1 + drift)).quantize(CENT))

    def close_before(self, symbol: str) -> Decimal:
        """The price at the last close: the one before anybody set it."""
        return self._closes.get(symbol) or first_price(symbol)

    def set(self, prices: Mapping[str, Decimal]) -> None:
        """Set the price of some symbols, in dollars; each must be positive."""
        self._set.update(prices)
        self._revision += 1

    def follow(self, old: str, new: str, factor: Decimal) -> None:
        """Let *new* cost what *old* costs, times a factor: after a split or a change of the symbol."""
        self._closes[new] = max(CENT, self.close_before(old) * factor)
        self.set({new: max(CENT, (self._set.get(old) or first_price(old)) * factor)})

    def as_json(self) -> dict[str, str]:
        """The prices that were set."""
        return {symbol: plain(price) for symbol, price in self._set.items()}

    def closes_as_json(self) -> dict[str, str]:
        """The last closes that a split or a change of the symbol has moved."""
        return {symbol: plain(price) for symbol, price in self._closes.items()}

    def load_closes(self, closes: Mapping[str, Decimal]) -> None:
        """Take over what ``closes_as_json`` gave."""
        self._closes.update(closes)
