"""What happened: the rows of the tables, and what each client wrote down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from tools.chaos.manual import Sent

#: The kind of an attempt that only looks: GET /status.
LOOK = "look"
#: Prefix of the names of clients that send a kill while a process is frozen and holds the lock.
KILLER = "kill-"


@dataclass(frozen=True)
class Row:
    """One row of bot_command. ``reason`` is the mark by which a client finds its command again."""

    id: str
    seq: int
    kind: str
    params: dict[str, Any]
    source: str
    reason: str | None
    status: str
    from_state: str | None
    to_state: str | None
    mode: str | None
    revision: int | None
    error_code: str | None
    issued_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None
    sent_at: datetime | None = None

    @property
    def is_manual(self) -> bool:
        """Whether it came as a message: then it may have waited in the queue before it was logged."""
        return self.source == "celery"

    @property
    def ordered_at(self) -> datetime:
        return self.issued_at if self.sent_at is None else min(self.sent_at, self.issued_at)

    def __str__(self) -> str:
        return f"{self.kind} {self.id} (seq {self.seq}, {self.status}, revision {self.revision})"


@dataclass(frozen=True)
class Config:
    """The row of bot_config."""

    state: str
    mode: str
    enabled: bool
    killed: bool
    revision: int
    max_concurrent_positions: int


@dataclass(frozen=True)
class Flatten:
    """One row of bot_flatten."""

    command_id: str
    state: str
    started_at: datetime
    finished_at: datetime | None

    def __str__(self) -> str:
        return f"the flatten of {self.command_id} (begun {self.started_at:%H:%M:%S.%f})"


@dataclass(frozen=True)
class Attempt:
    """One request of a client and what came of it. Attempts with one mark are one intention, sent again."""

    client: str
    mark: str
    kind: str
    role: str
    key: str | None
    prefer: str | None
    sent_at: float
    answered_at: float
    status: int | None  # None: no answer, see exception
    body: Any
    exception: str | None

    def __str__(self) -> str:
        return f"{self.kind} {self.mark} ({self.status or self.exception})"

    @property
    def said(self) -> dict[str, Any]:
        """The answer, if it is an object."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def command_id(self) -> str | None:
        """The command that the answer is about."""
        found = self.said.get("commandId")
        if found is None and isinstance(details := self.said.get("details"), dict):
            found = details.get("commandId")
        return found

    @property
    def is_command(self) -> bool:
        return self.kind != LOOK


@dataclass(frozen=True)
class Span:
    """From the beginning of a fault until all was well again, in epoch seconds."""

    began: float
    ended: float

    def meets(self, began: float, ended: float) -> bool:
        return began <= self.ended and ended >= self.began


@dataclass(frozen=True)
class History:
    rows: Sequence[Row]
    config: Config
    attempts: Sequence[Attempt]
    #: When the tables were read, by the database's clock.
    read_at: datetime
    #: Manual commands, as their sender wrote them down, by their ids.
    sent: Mapping[str, Sent] = field(default_factory=dict)
    flattens: Sequence[Flatten] = ()
    #: When web or Postgres was away or frozen, without which nobody can be answered.
    away: Sequence[Span] = ()

    @cached_property
    def by_id(self) -> dict[str, Row]:
        return {row.id: row for row in self.rows}

    @cached_property
    def applied(self) -> list[Row]:
        """The applied commands in the order of their revisions."""
        applied = [row for row in self.rows if row.status == "applied" and row.revision is not None]
        return sorted(applied, key=lambda row: row.revision or 0)

    @cached_property
    def by_revision(self) -> dict[int, Row]:
        return {row.revision: row for row in self.applied if row.revision is not None}

    @cached_property
    def rows_of(self) -> dict[str, list[Row]]:
        """The rows that carry each mark."""
        found = defaultdict(list)
        for row in self.rows:
            if row.reason is not None:
                found[row.reason].append(row)
        return found

    @cached_property
    def intentions(self) -> dict[str, list[Attempt]]:
        """The attempts of each mark, the first one first."""
        found = defaultdict(list)
        for attempt in sorted(self.attempts, key=lambda attempt: attempt.sent_at):
            if attempt.is_command:
                found[attempt.mark].append(attempt)
        return found
