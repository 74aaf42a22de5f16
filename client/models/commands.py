"""Commands and their outcomes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from client.models.base import Answer
from client.models.exposure import Exposure
from client.models.reconciliation import Reconciliation
from client.models.thresholds import Thresholds
from client.words import BotState, CommandKind, CommandStatus, Mode, Source


class Command(Answer):
    """A row of the command log."""

    id: UUID
    seq: int
    kind: CommandKind | str
    params: dict[str, Any]
    actor: str
    source: Source | str
    reason: str | None
    status: CommandStatus | str
    from_state: BotState | str | None
    to_state: BotState | str | None
    revision: int | None
    error_code: str | None
    error: str | None
    changes: dict[str, Any] | None = None
    remote_addr: str | None = None
    token_name: str | None = None
    sent_from: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    issued_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None


class Action(Answer):
    """The outcome of a command. With the status ``queued``, state and mode are the present ones."""

    state: BotState
    mode: Mode
    command_id: UUID
    status: CommandStatus | str
    revision: int | None
    warning: str | None = None


class KillAction(Action):
    """A kill, and what it leaves open; None if that could not be read, or is flattened."""

    stays_open: Exposure | None = None


class ReconcileAction(Action):
    """A reconcile, and its report."""

    reconciliation: Reconciliation | None = None


class ConfigAction(Action, Thresholds):
    """A change of thresholds, and all of them after it."""
