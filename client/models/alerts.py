"""Alerts, and where they are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from client.models.base import Answer


class Alert(Answer):
    """One alert."""

    id: UUID
    seq: int
    kind: str
    severity: str
    text: str
    facts: dict[str, Any]
    created_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    delivery: str
    error: str | None


class Acknowledged(Answer):
    """How many alerts were not acknowledged before."""

    acknowledged: int


class AlertDestination(Answer):
    """A destination of alerts, and how its deliveries went."""

    name: str
    least: str
    delivered_at: datetime | None
    failures: int
    error: str | None
    next_attempt_at: datetime | None


class TestAlert(Answer):
    """A test alert, and its destinations."""

    id: UUID
    destinations: list[str]
