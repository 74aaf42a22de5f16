"""Tokens that Pitboss stores, beside those of API_TOKENS."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, Timestamp


class BotToken(Base):
    """One token, of which only a keyed hash is stored (see ``bot.access.tokens``)."""

    __tablename__ = "bot_token"
    __table_args__ = (
        UniqueConstraint("hash", name="bot_token_hash_is_unique"),
        Index("ix_bot_token_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=func.gen_random_uuid())
    #: The name of its holder, who is the actor in the command log.
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    #: The only commands that it may send; null if its role decides.
    commands: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    last_used_at: Mapped[datetime | None] = mapped_column(Timestamp)
    last_used_from: Mapped[str | None] = mapped_column(Text)
