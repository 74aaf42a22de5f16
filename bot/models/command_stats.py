"""How many commands of each kind ended how, and how long they took: a few rows that a trigger keeps.

Counting the log itself would read every command ever issued with each scrape of ``/metrics``. Each finished command
adds to one row here instead, in its own transaction, whichever process finishes it; commands are finished one at a time
under the lock on the singleton, so nobody waits for that row.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Double, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText
from bot.states import CommandKind, CommandStatus

#: Upper bounds of the buckets, in seconds from a command's issue to its end; one more bucket holds what took longer.
#: The trigger of migration 0003 counts by the same bounds.
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


def read(session: Session) -> Sequence[BotCommandTally]:
    """All tallies."""
    return session.scalars(
        select(BotCommandTally).order_by(BotCommandTally.kind, BotCommandTally.status)
    ).all()
