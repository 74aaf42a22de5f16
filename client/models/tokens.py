"""Tokens: who holds one."""

from __future__ import annotations

from datetime import datetime

from client.models.base import Answer
from client.words import CommandKind


class Token(Answer):
    """A token's holder and rights; never the token itself."""

    name: str
    role: str
    commands: list[CommandKind | str] | None
    source: str
    created_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None
