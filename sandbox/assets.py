"""What can be traded: every symbol that looks like one is an active US equity here."""

from __future__ import annotations

import re
from typing import Any, TypeGuard
from uuid import NAMESPACE_DNS, uuid5

from sandbox.errors import not_found, unprocessable

NAMESPACE = uuid5(NAMESPACE_DNS, "sandbox.pitboss")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9./]{0,15}")


def is_symbol(value: Any) -> TypeGuard[str]:
    """Whether the value looks like a symbol. One that does can be written into JSON as it is."""
    return isinstance(value, str) and _SYMBOL.fullmatch(value) is not None


def checked_symbol(value: Any) -> str:
    """The symbol, or Alpaca's 422 for one that it does not know."""
    if not is_symbol(value):
        raise unprocessable(f'asset "{value}" not found')
    return value


def asset_id(symbol: str) -> str:
    """The UUID of the asset, the same in every run."""
    return str(uuid5(NAMESPACE, f"asset/{symbol}"))


def asset_row(symbol: str) -> dict[str, Any]:
    """The asset as ``GET /v2/assets/{symbol}`` answers it, or Alpaca's 404."""
    if not is_symbol(symbol):
        raise not_found(f"asset not found for {symbol}")
    return {
        "id": asset_id(symbol),
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": symbol,
        "name": f"{symbol} (simulated)",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "maintenance_margin_requirement": 30,
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": True,
        "attributes": [],
    }
