"""The shapes of answers about whom alerts are sent to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from web.schemas.base import Shape


class DestinationOut(Shape):
    name: str = Field(description="`webhook`, or the service with a part of the address's hash.")
    least: Literal["info", "warning", "critical"] = Field(description="The least severe that it is told.")
    delivered_at: datetime | None = Field(description="When it last took an alert.")
    failures: int = Field(description="Attempts that failed in a row.")
    error: str | None = Field(description="Why the last one did.")
    next_attempt_at: datetime | None = Field(description="When it is tried again; null where nothing failed.")


class DestinationsOut(Shape):
    items: list[DestinationOut]


class TestAlertOut(Shape):
    id: UUID
    destinations: list[str] = Field(description="Their names; empty where nobody is told anything.")
