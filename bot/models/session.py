"""The panel's sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, Timestamp


class BotSession(Base):
    """One session of the panel. The row stays after the end: it shows from where somebody was logged in, and until when."""

    __tablename__ = "bot_session"
    __table_args__ = (
        Index("ix_bot_session_actor", "actor", "began_at"),
        Index("ix_bot_session_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True)
    actor: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    #: Name of the token that was used to log in; null if a proxy authenticated the user.
    token_name: Mapped[str | None] = mapped_column(Text)
    remote_addr: Mapped[str | None] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(Text)
    began_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    last_seen_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    #: When it ends even if it is used.
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: Who or what ended it early.
    ended_by: Mapped[str | None] = mapped_column(Text)
