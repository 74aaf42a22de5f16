"""Sends the head of the log's chain once a day as an alert: somebody who rewrites the log cannot rewrite what was sent."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.access.verify_log import NOTHING, head
from bot.alerts import outbox
from bot.alerts.messages import MEANINGS
from bot.market_hours import NEW_YORK
from bot.models import AlertKind, BotAlert
from bot.settings.settings import Settings
from bot.storage.database import Database

#: How often to check whether it is time, in seconds.
LOOK_SEC = 30.0
#: Number of the advisory lock under which it is told.
_LOCK = 0x70697462_04


class DailyHead:
    """Sends the head of one database's log."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._at = settings.daily_at if _is_read(settings) else None
        self._told = ""

    def check(self) -> None:
        """Send it, if it is past ALERT_DAILY_AT in New York and no process has sent it today.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        if self._at is None:
            return
        now = self._database.now().astimezone(NEW_YORK)
        date = now.date().isoformat()
        if now.time() >= self._at and date != self._told:
            self._database.run(lambda session: _tell(session, date))
            self._told = date


def _is_read(settings: Settings) -> bool:
    """Whether anybody is told what is no more severe."""
    severity = MEANINGS[AlertKind.LOG_HEAD].severity
    return settings.alert_webhook is not None or any(
        each.least == severity for each in settings.alert_addresses
    )


def _tell(session: Session, date: str) -> None:
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return
    told = select(BotAlert.seq).where(
        BotAlert.kind == AlertKind.LOG_HEAD, BotAlert.facts.contains({"date": date})
    )
    found = head(session)
    if found != NOTHING and session.scalars(told.limit(1)).first() is None:
        outbox.put(session, AlertKind.LOG_HEAD, {"date": date, "head": str(found), "commands": found.link})
