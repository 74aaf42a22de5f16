"""Where alerts are sent beside the webhook, and what each destination has received."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import Timestamp


class BotAlertDestination(Base):
    """One address of ALERT_URLS. Its name shows the service; the address itself is a secret and is not stored."""

    __tablename__ = "bot_alert_destination"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    #: It does not receive alerts from before this time.
    since: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
    #: Failures in a row.
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    error: Mapped[str | None] = mapped_column(Text)
    next_attempt_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
    #: Until when a process has the right to deliver to it.
    leased_until: Mapped[datetime | None] = mapped_column(Timestamp)
    delivered_at: Mapped[datetime | None] = mapped_column(Timestamp)


class BotAlertDelivery(Base):
    """One alert that one destination has received."""

    __tablename__ = "bot_alert_delivery"

    alert_id: Mapped[UUID] = mapped_column(
        PgUuid, ForeignKey("bot_alert.id", ondelete="CASCADE"), primary_key=True
    )
    destination: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
