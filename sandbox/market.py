"""The whole simulated market: its accounts, its prices and the switches that tests turn."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sandbox.account import Account
from sandbox.amounts import decimal, plain
from sandbox.errors import forbidden, unauthorized
from sandbox.orders import Order
from sandbox.positions import Position
from sandbox.prices import Prices


class Market:
    """Everything the sandbox remembers. ``lock`` must be held while an account is read or changed.

    One lock for all accounts: a simulator needs exact answers from many threads, not many answers at once.
    """

    def __init__(self, *, walk: bool = False) -> None:
        self.lock = threading.RLock()
        self.prices = Prices(walk=walk)
        self.accounts: dict[str, Account] = {}
        self.hold_fills = False
        self.clock_is_open: bool | None = None  # None: the hours of the week decide
        self.revision = 0  # counts changes worth saving

    def changed(self) -> None:
        """Say that something worth saving has changed."""
        self.revision += 1

    def account(self, key: str) -> Account:
        """The account of an API key, made on its first use, with every order filled that is due."""
        if key not in self.accounts:
            self.accounts[key] = Account(key, self.prices)
            self.changed()
        account = self.accounts[key]
        if not self.hold_fills and account.settle():
            self.changed()
        return account

    def login(self, key: str | None, secret: str | None) -> Account:
        """The account of a key pair. The secret that comes first with a key is the right one from then on.

        Raises ApiError: 401 when either is missing, 403 when the secret is another one.
        """
        if not key or not secret:
            raise unauthorized()
        account = self.account(key)
        # The secret itself is not kept: somebody will point the sandbox at real keys.
        digest = sha256(f"{key}/{secret}".encode()).hexdigest()
        if account.secret_hash is None:
            account.secret_hash = digest
            self.changed()
        if not hmac.compare_digest(account.secret_hash, digest):
            raise forbidden()
        return account

    def settle(self) -> None:
        """Fill what is due in every account, after prices moved or fills were let go."""
        if not self.hold_fills:
            for account in self.accounts.values():
                account.settle()

    # -- to and from the state file --------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        return {
            "version": 1,
            "hold_fills": self.hold_fills,
            "clock_is_open": self.clock_is_open,
            "prices": self.prices.as_json(),
            "accounts": {key: _account_as_json(account) for key, account in self.accounts.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what ``as_json`` gave.

        Raises KeyError, TypeError, ValueError, AttributeError or ArithmeticError if it is something else.
        """
        if state["version"] != 1:
            raise ValueError(f"its version is {state['version']!r}, and only 1 is known")
        self.hold_fills = bool(state["hold_fills"])
        self.clock_is_open = state["clock_is_open"]
        self.prices.set({symbol: decimal(price) for symbol, price in state["prices"].items()})
        self.accounts = {key: self._load_account(key, saved) for key, saved in state["accounts"].items()}

    def _load_account(self, key: str, saved: Mapping[str, Any]) -> Account:
        account = Account(key, self.prices)
        account.id = saved["id"]
        account.secret_hash = saved["secret_hash"]
        account.created_at = saved["created_at"]
        account.status = saved["status"]
        account.flags.update(saved["flags"])
        account.daytrade_count = int(saved["daytrade_count"])
        account.cash = Decimal(saved["cash"])
        account.realized_pl = Decimal(saved["realized_pl"])
        account.replace_positions(
            Position(symbol, Decimal(qty), Decimal(entry)) for symbol, qty, entry in saved["positions"]
        )
        for row in saved["orders"]:
            account.insert(Order.from_json(row))
        return account


def _account_as_json(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "secret_hash": account.secret_hash,
        "created_at": account.created_at,
        "status": account.status,
        "flags": account.flags,
        "daytrade_count": account.daytrade_count,
        "cash": plain(account.cash),
        "realized_pl": plain(account.realized_pl),
        "positions": [[p.symbol, plain(p.qty), plain(p.avg_entry_price)] for p in account.positions.values()],
        "orders": [order.as_json() for order in account.orders.values()],
    }
