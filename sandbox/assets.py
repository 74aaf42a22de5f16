"""What can be traded: every text in the form of a symbol is an active US equity, until it is renamed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard
from uuid import NAMESPACE_DNS, uuid5

from sandbox.errors import not_found, unprocessable

NAMESPACE = uuid5(NAMESPACE_DNS, "sandbox.pitboss")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9./]{0,15}")


def is_symbol(value: Any) -> TypeGuard[str]:
    """Whether the value has the form of a symbol. Such a value needs no escaping in JSON."""
    return isinstance(value, str) and _SYMBOL.fullmatch(value) is not None


class Assets:
    """The asset behind each symbol.

    The id of an asset is drawn from the symbol it was first seen under, so it is the same in every run.
    """

    def __init__(self) -> None:
        self._renamed: dict[str, str] = {}  # symbol: the id that it took over from an earlier symbol
        self._inactive: set[str] = set()  # symbols whose asset got a new CUSIP, and with it a new asset
        self._gone: set[str] = set()  # symbols that an asset gave up for another
        self._symbols: dict[str, str] = {}  # id: symbol, of what was asked for

    def id(self, symbol: str) -> str:
        """The UUID of the asset that has this symbol."""
        found = self._renamed.get(symbol) or str(uuid5(NAMESPACE, f"asset/{symbol}"))
        self._symbols.setdefault(found, symbol)
        return found

    def symbol(self, symbol_or_id: str) -> str:
        """The symbol that is meant, or what was given if no asset is known under it."""
        return self._symbols.get(symbol_or_id, symbol_or_id)

    def tradable(self, value: Any) -> str:
        """The symbol of an order, given as a symbol or as an asset id. Raises Alpaca's 422 if it is not traded."""
        symbol = self.symbol(value) if isinstance(value, str) else value
        if not is_symbol(symbol) or symbol in self._gone:
            raise unprocessable(f'asset "{value}" not found')
        if symbol in self._inactive:
            raise unprocessable(f'asset "{value}" is not active')
        return symbol

    def rename(self, old: str, new: str, *, new_cusip: bool) -> str:
        """Let the asset of *old* be called *new* from now on, and return its id from then on.

        The id stays. With a new CUSIP another asset takes its place, with another id, and the old one turns
        inactive (Alpaca's documentation, "Mandatory Corporate Actions").
        """
        before = self.id(old)
        if new_cusip:
            self._inactive.add(old)
            self._renamed.pop(new, None)
        else:
            self._gone.add(old)
            self._renamed.pop(old, None)
            self._renamed[new] = before
            self._symbols[before] = new
        self._gone.discard(new)
        self._inactive.discard(new)
        return self.id(new)

    def row(self, symbol_or_id: str) -> dict[str, Any]:
        """The asset as ``GET /v2/assets/{symbol or id}`` answers it, or Alpaca's 404."""
        symbol = self.symbol(symbol_or_id)
        if not is_symbol(symbol) or symbol in self._gone:
            raise not_found(f"asset not found for {symbol_or_id}")
        active = symbol not in self._inactive
        return {
            "id": self.id(symbol),
            "class": "us_equity",
            "exchange": "NASDAQ",
            "symbol": symbol,
            "name": f"{symbol} (simulated)",
            "status": "active" if active else "inactive",
            "tradable": active,
            "marginable": True,
            "maintenance_margin_requirement": 30,
            "margin_requirement_long": "30",
            "margin_requirement_short": "30",
            "shortable": active,
            "easy_to_borrow": active,
            "borrow_status": "easy_to_borrow" if active else "hard_to_borrow",
            "fractionable": True,
            "attributes": [],
        }

    def rows(self, symbols: Iterable[str]) -> list[dict[str, Any]]:
        """The assets of these symbols, in order of their names. Symbols that were given up are left out."""
        return [
            self.row(symbol) for symbol in sorted({*symbols, *self._inactive}) if symbol not in self._gone
        ]

    def as_json(self) -> dict[str, Any]:
        """What was renamed, for the state file."""
        return {
            "renamed": self._renamed,
            "inactive": sorted(self._inactive),
            "gone": sorted(self._gone),
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``as_json`` gave."""
        self._renamed = dict(saved["renamed"])
        self._symbols = {asset: symbol for symbol, asset in self._renamed.items()}
        self._inactive, self._gone = set(saved["inactive"]), set(saved["gone"])
