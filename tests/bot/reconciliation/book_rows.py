"""What books say, in memory or on PostgreSQL: trades with their exits, and what a reconciliation came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from tests.bot.reconciliation.broker_model import ZERO


class Conflict(Exception):
    """The books do not allow it."""


@dataclass
class Exit:
    shares: Decimal
    price: Decimal
    at: datetime
    created_at: datetime
    order_id: str | None = None
    fill_id: str | None = None
    is_settled: bool = False


@dataclass
class Row:
    """One trade. Shares are signed."""

    id: UUID
    symbol: str
    shares: Decimal
    price: Decimal
    created_at: datetime
    entry_at: datetime
    asset_id: str | None = None
    former_symbols: list[str] = field(default_factory=list)
    order_id: str | None = None
    filled: bool = False
    adjusted_at: datetime | None = None
    status: str = "open"
    exits: list[Exit] = field(default_factory=list)
    #: US dollars that its exits earned.
    pnl: Decimal = ZERO

    @property
    def exited(self) -> Decimal:
        return sum((each.shares for each in self.exits), ZERO)

    @property
    def rest(self) -> Decimal:
        """Shares that are still held."""
        return self.shares - self.exited

    def enter(self, shares: Decimal, price: Decimal, at: datetime, order_id: str) -> None:
        if abs(shares) < abs(self.exited):
            raise Conflict(f"more was exited of {self.id} than {shares}")
        self.pnl -= self.exited * (price - self.price)
        self.shares, self.price, self.entry_at = shares, price, at
        self.order_id, self.filled = order_id, True
        self._conclude()

    def leave(self, exit_: Exit) -> None:
        if self.status not in ("open", "missed") or not self.filled or abs(exit_.shares) > abs(self.rest):
            raise Conflict(f"{exit_.shares} are not held of {self.id}")
        self.exits.append(exit_)
        self.pnl += exit_.shares * (exit_.price - self.price)
        self._conclude()

    def _conclude(self) -> None:
        if self.exits and self.filled and not self.rest:
            self.status = "closed"


@dataclass(frozen=True)
class Found:
    """What one reconciliation came to."""

    missed: frozenset[UUID]
    #: Symbols and kinds of the differences.
    differences: Mapping[str, str]
    #: Entries, exits and voids that it booked.
    booked: int
    #: Why nothing could be booked.
    error: str = ""
