"""The whole simulated market: the venue and its accounts."""

from __future__ import annotations

import hmac
import threading
from hashlib import sha256

from sandbox.account import Account
from sandbox.errors import forbidden, unauthorized
from sandbox.venue import FILL_DELAY_SEC, Venue


class Market:
    """Everything the sandbox remembers. ``lock`` must be held while an account is read or changed.

    One lock for all accounts: a simulator needs exact answers from many threads, not many answers at once.
    """

    def __init__(self, *, walk: bool = False, fill_delay_sec: float = FILL_DELAY_SEC) -> None:
        self.lock = threading.RLock()
        self.venue = Venue(walk=walk, fill_delay_sec=fill_delay_sec)
        self.accounts: dict[str, Account] = {}
        self.revision = 0  # counts changes worth saving

    def changed(self) -> None:
        """Say that something worth saving has changed."""
        self.revision += 1

    def account(self, key: str) -> Account:
        """The account of an API key, made on its first use, with every order filled that is due."""
        if key not in self.accounts:
            self.accounts[key] = Account(key, self.venue)
            self.changed()
        account = self.accounts[key]
        if account.books.settle():
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
        """Bring the orders of every account as far as the moment allows."""
        for account in self.accounts.values():
            if account.books.settle():
                self.changed()

    def symbols(self) -> set[str]:
        """The symbols that somebody holds, ordered or priced."""
        found = set(self.venue.prices.as_json())
        for account in self.accounts.values():
            found.update(account.positions)
            found.update(order.symbol for order in account.books.orders.values())
        return found
