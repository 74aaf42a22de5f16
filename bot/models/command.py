"""The command log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source


class BotCommand(Base):
    """One command, permanently: triggers prevent any change of a finished row and any deletion."""

    __tablename__ = "bot_command"
    __table_args__ = (
        UniqueConstraint("seq", name="bot_command_seq_is_unique"),
        UniqueConstraint("revision", name="bot_command_revision_is_unique"),
        CheckConstraint(
            "(status IN ('queued', 'awaiting_approval')) = (finished_at IS NULL)",
            name="bot_command_finished_has_a_time",
        ),
        CheckConstraint(
            "(status = 'applied') = (revision IS NOT NULL)", name="bot_command_applied_has_a_revision"
        ),
        Index("ix_bot_command_pending", "seq", postgresql_where=text("status = 'queued'")),
        Index(
            "ix_bot_command_pending_halts",
            "issued_at",
            postgresql_where=text("status = 'queued' AND kind IN ('stop', 'kill')"),
        ),
        Index("ix_bot_command_awaiting", "seq", postgresql_where=text("status = 'awaiting_approval'")),
        Index("ix_bot_command_link", "link", postgresql_where=text("link IS NOT NULL")),
        # for the filters of the list, each of which is read from the newest row on
        Index("ix_bot_command_kind", "kind", "seq"),
        Index("ix_bot_command_actor", "actor", "seq"),
        Index("ix_bot_command_not_applied", "status", "seq", postgresql_where=text("status <> 'applied'")),
        Index("ix_bot_command_other_source", "source", "seq", postgresql_where=text("source <> 'api'")),
        Index("ix_bot_command_issued_at", "issued_at", postgresql_using="brin"),
        Index(
            "ix_bot_command_idempotency",
            "actor",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    kind: Mapped[CommandKind] = mapped_column(EnumText(CommandKind))
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    actor: Mapped[str] = mapped_column(Text)
    source: Mapped[Source] = mapped_column(EnumText(Source))
    reason: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    status: Mapped[CommandStatus] = mapped_column(
        EnumText(CommandStatus), server_default=CommandStatus.QUEUED
    )
    from_state: Mapped[BotState | None] = mapped_column(EnumText(BotState))
    to_state: Mapped[BotState | None] = mapped_column(EnumText(BotState))
    #: The mode after the command, which is the account that a start concerned.
    mode: Mapped[Mode | None] = mapped_column(EnumText(Mode))
    revision: Mapped[int | None] = mapped_column(BigInteger)
    error_code: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    error_details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    #: When a manual command was sent, by its sender's clock; null if the message does not say, and for other commands.
    sent_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: Address of the client that asked for it over HTTP.
    remote_addr: Mapped[str | None] = mapped_column(Text)
    #: Name of the token that the request used, or the login of its session.
    token_name: Mapped[str | None] = mapped_column(Text)
    #: The host and process that sent a manual command, as the message says.
    sent_from: Mapped[str | None] = mapped_column(Text)
    #: The thresholds or the mode that it changed: each value before and after.
    changes: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: Who approved it, and when, if it needed a second person.
    approved_by: Mapped[str | None] = mapped_column(Text)
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When it was issued: for a manual command when it was sent or due, but never later than it was read.
    issued_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: Its place among the finished commands, and a hash over itself and the one before: a trigger writes both.
    link: Mapped[int | None] = mapped_column(BigInteger)
    hash: Mapped[str | None] = mapped_column(Text)
    #: Until when a process has the right to gather this command's evidence.
    gathering_until: Mapped[datetime | None] = mapped_column(Timestamp)

    @property
    def ordered_at(self) -> datetime:
        """The time that decides whether it came before a stop or kill: when it was sent, if it was to run later, else when it was
        issued."""
        return self.issued_at if self.sent_at is None else min(self.sent_at, self.issued_at)

    @property
    def pending(self) -> bool:
        """Whether it is pending: queued or waiting for approval."""
        return self.status is CommandStatus.QUEUED

    @property
    def awaits_approval(self) -> bool:
        """Whether it waits for a second person."""
        return self.status is CommandStatus.AWAITING_APPROVAL
