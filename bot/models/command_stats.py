"""How many commands of each kind ended how, and how long they took.

Counting the log itself would read every command ever issued with each scrape of ``/metrics``. A trigger writes a row for each
finished command instead, in the same transaction; reading the counts first adds these rows to them. (A single row of counts that
every command changes would cost more with each command that finishes in the same transaction.)
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, Identity, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText
from bot.states import CommandKind, CommandStatus

#: Upper bounds of the buckets, in seconds from a command's issue to its end; one more bucket holds what took longer.
BOUNDS_SEC = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class BotCommandTally(Base):
    """The finished commands of one kind and status."""

    __tablename__ = "bot_command_tally"

    kind: Mapped[CommandKind] = mapped_column(EnumText(CommandKind), primary_key=True)
    status: Mapped[CommandStatus] = mapped_column(EnumText(CommandStatus), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    #: Sum of the times from issue to end.
    seconds: Mapped[float] = mapped_column(Double, server_default=text("0"))
    #: Commands in each bucket, not cumulated.
    buckets: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class BotCommandUncounted(Base):
    """A finished command that is not counted yet."""

    __tablename__ = "bot_command_uncounted"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    #: From issue to end.
    seconds: Mapped[float] = mapped_column(Double)
