"""What a kill leaves open, and how far a flatten has closed it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from client.models.base import Answer
from client.words import Mode


class OpenPosition(Answer):
    """A position that stays open; negative shares are short."""

    symbol: str
    shares: Decimal


class WorkingOrder(Answer):
    """An entry that is not known to have filled."""

    order_id: str | None
    symbol: str
    shares: Decimal


class Exposure(Answer):
    """What stays open at the broker."""

    read_at: datetime | None
    positions: list[OpenPosition]
    working_orders: list[WorkingOrder]


class PositionLeft(Answer):
    """A position that a flatten has not closed yet."""

    symbol: str
    shares: Decimal
    error: str | None = None


class Flatten(Answer):
    """The state of the last flatten."""

    state: str
    command_id: UUID | None = None
    mode: Mode | str | None = None
    symbols: list[str] | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: int = 0
    orders_left: int | None = None
    positions_left: list[PositionLeft] | None = None
    error: str | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("working", "waiting_for_open")
