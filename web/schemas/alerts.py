"""The schemas of answers about alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from bot.alerts.messages import Severity
from bot.models import AlertKind, AlertStatus
from web.schemas.base import Shape


class AlertOut(Shape):
    id: UUID
    seq: int
    kind: AlertKind | str
    severity: Severity
    text: str = Field(description="What happened, for a person.")
    facts: dict[str, Any]
    created_at: datetime
    resolved_at: datetime | None = Field(description="When a later alert said that it is over.")
    acknowledged_at: datetime | None = Field(description="When an operator acknowledged it.")
    acknowledged_by: str | None
    delivery: AlertStatus | str = Field(description="Whether it was delivered to the destinations.")
    error: str | None = Field(description="Why the last attempt to deliver it failed.")


class AlertPage(Shape):
    items: list[AlertOut]
    next_cursor: str | None
    unacknowledged: int = Field(
        description="Alerts, warning or critical, that are not over and that nobody has acknowledged; at most 200."
    )


class AcknowledgedOut(Shape):
    acknowledged: int = Field(description="How many of them were not acknowledged before.")
