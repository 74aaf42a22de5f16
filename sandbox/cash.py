"""The cash of an account, with every movement written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.amounts import ZERO, plain
from sandbox.times import stamp, unix


@dataclass(frozen=True, slots=True)
class Movement:
    """Dollars that came (positive) or went, and why: ``deposit fill bust correction adjustment``."""

    at: float
    kind: str
    amount: Decimal
    order_id: str | None = None
    fill_id: str | None = None


class Cash:
    """The balance is the sum of the movements, to the last digit."""

    def __init__(self, movements: Iterable[Movement] = ()) -> None:
        self.movements = list(movements)
        self.balance = sum((movement.amount for movement in self.movements), ZERO)

    def move(self, movement: Movement) -> None:
        """Add one."""
        self.movements.append(movement)
        self.balance += movement.amount

    def become(self, balance: Decimal, at: float) -> None:
        """Be as much as a test says: the difference is an adjustment."""
        if balance != self.balance:
            self.move(Movement(at, "adjustment", balance - self.balance))

    def rows(self) -> list[dict[str, Any]]:
        """The movements, oldest first, each with the balance after it."""
        rows, balance = [], ZERO
        for movement in self.movements:
            balance += movement.amount
            rows.append(
                {
                    "at": stamp(movement.at),
                    "kind": movement.kind,
                    "amount": plain(movement.amount),
                    "balance": plain(balance),
                    "order_id": movement.order_id,
                    "fill_id": movement.fill_id,
                }
            )
        return rows

    @classmethod
    def from_rows(cls, rows: Iterable[dict[str, Any]]) -> Cash:
        """The cash whose ``rows`` these are."""
        return cls(
            Movement(unix(row["at"]), row["kind"], Decimal(row["amount"]), row["order_id"], row["fill_id"])
            for row in rows
        )
