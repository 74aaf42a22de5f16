"""Alerts, and where they are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from client.models.base import Answer


class Alert(Answer):
    """What somebody had to be told."""

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


class AlertDestination(Answer):
    """Whom alerts are sent to, and how it goes."""

    name: str
    least: str
    delivered_at: datetime | None
    failures: int
    error: str | None
    next_attempt_at: datetime | None


class TestAlert(Answer):
    """A test that was sent off, and to whom."""

    id: UUID
    destinations: list[str]
