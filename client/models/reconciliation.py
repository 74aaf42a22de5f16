"""The results of comparing the books with the broker."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from client.models.base import Answer
from client.words import Mode, Outcome


class Difference(Answer):
    """A symbol of which database and broker hold different quantities."""

    symbol: str
    kind: str
    here: str
    there: str
    trade_ids: list[UUID] = []


class Reconciliation(Answer):
    """The report of one comparison; if it failed, its counts are None."""

    id: int
    trigger: str
    mode: Mode | str
    command_id: UUID | None
    started_at: datetime
    finished_at: datetime
    requests: int
    suspect: int | None
    booked: int | None
    corrected: int | None
    voided: int | None
    outcome: Outcome | str
    error_code: str | None
    error: str | None
    account_id: str | None
    open_trades: int | None
    broker_positions: int | None
    matched: int | None
    missed: int | None
    in_flight: int | None
    differences: list[Difference]


class LastReconciliation(Answer):
    """The last reconciliation, as the status shows it."""

    outcome: Outcome | str
    trigger: str
    finished_at: datetime
    age_sec: float
    error_code: str | None
    error: str | None
    missed: int | None
    differences: list[Difference]
    agreed_at: datetime | None
