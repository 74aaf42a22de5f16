"""Archives: files to which old rows were moved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import Timestamp


class BotArchive(Base):
    """One file, with the count and hash that prove its content. Triggers allow deleting a row only if an archive covers it."""

    __tablename__ = "bot_archive"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    table_name: Mapped[str] = mapped_column(Text)
    #: Rows before this time are in it.
    up_to: Mapped[datetime] = mapped_column(Timestamp)
    rows: Mapped[int] = mapped_column(BigInteger)
    #: Its name without a folder, since it may be moved.
    file: Mapped[str] = mapped_column(Text)
    #: SHA-256 of the file as it was written.
    sha256: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
