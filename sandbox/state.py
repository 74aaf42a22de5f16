"""The market as plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.account import STARTING_CASH, Account
from sandbox.amounts import decimal, plain
from sandbox.cash import Cash, Movement
from sandbox.fills import Fill
from sandbox.market import Market
from sandbox.orders import Order
from sandbox.positions import Position
from sandbox.times import unix

VERSION = 2
_PLAIN = (
    "id",
    "secret_hash",
    "created_at",
    "status",
    "hold_fills",
    "fill_delay_sec",
    "positions_lag_sec",
    "values_lag",
)


def as_json(market: Market) -> dict[str, Any]:
    """Everything that a restart must not lose. Faults and the calls so far are not among it."""
    venue = market.venue
    return {
        "version": VERSION,
        "hold_fills": venue.hold_fills,
        "clock_is_open": venue.clock.is_open,
        "halted": sorted(venue.halted),
        "assets": venue.assets.as_json(),
        "prices": venue.prices.as_json(),
        "closes": venue.prices.closes_as_json(),
        "accounts": {key: _account_as_json(account) for key, account in market.accounts.items()},
    }


def load(market: Market, state: Mapping[str, Any]) -> None:
    """Take over what ``as_json`` gave, in this version or the one before.

    Raises KeyError, TypeError, ValueError, AttributeError or ArithmeticError if it is something else.
    """
    if state["version"] not in (1, VERSION):
        raise ValueError(f"its version is {state['version']!r}, and only 1 and {VERSION} are known")
    venue = market.venue
    venue.hold_fills = bool(state["hold_fills"])
    if state["version"] == VERSION:
        venue.clock.is_open = state["clock_is_open"]
        venue.halted = set(state["halted"])
        venue.assets.load(state["assets"])
        venue.prices.load_closes({symbol: decimal(price) for symbol, price in state["closes"].items()})
    venue.prices.set({symbol: decimal(price) for symbol, price in state["prices"].items()})
    market.accounts = {key: _load_account(market, key, saved) for key, saved in state["accounts"].items()}


def _account_as_json(account: Account) -> dict[str, Any]:
    return {
        **{name: getattr(account, name) for name in _PLAIN},
        "flags": account.flags,
        "configuration": account.configuration,
        "last_equity": plain(account.last_equity),
        "realized_pl": plain(account.realized_pl),
        "cash": account.cash.rows(),
        "positions": [[p.symbol, plain(p.qty), plain(p.avg_entry_price)] for p in account.positions.values()],
        "orders": [order.as_json() for order in account.books.orders.values()],
        "fills": [fill.as_json() for fill in account.books.fills],
    }


def _load_account(market: Market, key: str, saved: Mapping[str, Any]) -> Account:
    account, assets = Account(key, market.venue), market.venue.assets
    for name in _PLAIN:
        setattr(account, name, saved[name] if name in saved else getattr(account, name))
    account.flags.update((flag, bool(on)) for flag, on in saved["flags"].items() if flag in account.flags)
    account.realized_pl = Decimal(saved["realized_pl"])
    account.configuration.update(saved.get("configuration", {}))
    account.last_equity = Decimal(saved.get("last_equity", STARTING_CASH))
    account.cash = _cash(saved)
    account.hold(
        Position(symbol, assets.id(symbol), Decimal(qty), Decimal(entry))
        for symbol, qty, entry in saved["positions"]
    )
    for row in saved["orders"]:
        account.books.insert(Order.from_json(row))
    account.books.fills = [Fill.from_json(row) for row in saved.get("fills", ())]
    return account


def _cash(saved: Mapping[str, Any]) -> Cash:
    if isinstance(saved["cash"], list):
        return Cash.from_rows(saved["cash"])
    # version 1 kept the balance alone
    return Cash([Movement(unix(saved["created_at"]), "deposit", Decimal(saved["cash"]))])
