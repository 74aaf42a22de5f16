"""The schemas of answers about the destinations of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from web.schemas.base import Shape


class DestinationOut(Shape):
    name: str = Field(description="`webhook`, or the service with a part of the address's hash.")
    least: Literal["info", "warning", "critical"] = Field(description="The lowest severity that it receives.")
    delivered_at: datetime | None = Field(description="When it last accepted an alert.")
    failures: int = Field(description="Consecutive failed attempts.")
    error: str | None = Field(description="Why the last attempt failed.")
    next_attempt_at: datetime | None = Field(
        description="When the next attempt is made; null if nothing failed."
    )


class DestinationsOut(Shape):
    items: list[DestinationOut]


class TestAlertOut(Shape):
    id: UUID
    destinations: list[str] = Field(description="Their names; empty if there are no destinations.")
