"""Who changes the books."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Author:
    """Who changes a trade, why, and by which command or request; every event records it."""

    actor: str
    reason: str | None = None
    command_id: UUID | None = None
    #: The Idempotency-Key of the request.
    request_key: str | None = None
