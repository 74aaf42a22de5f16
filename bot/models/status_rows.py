"""The columns of two tables that the status and the gate need, which are read far more often than the whole rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.models.reconciliation import Outcome, Trigger
from bot.states import BotState, Mode


@dataclass(frozen=True, slots=True)
class StatusConfig:
    """Columns of ``BotConfig``."""

    enabled: bool
    state: BotState
    mode: Mode
    killed_at: datetime | None
    kill_reason: str | None
    revision: int
    reconciled_at: datetime | None
    agreed_at: datetime | None
    max_concurrent_positions: int
    daily_loss_limit_usd: Decimal
    count_open_loss: bool

    @property
    def killed(self) -> bool:
        """Whether the kill latch is on."""
        return self.killed_at is not None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Columns of ``BotReconciliation``."""

    id: int
    trigger: Trigger
    finished_at: datetime
    outcome: Outcome
    error_code: str | None
    error: str | None
    missed: int
    differences: list[dict[str, Any]]
