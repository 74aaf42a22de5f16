"""One row for each worker process, so that everybody can see whether one lives."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.models import BotWorker

#: How often a worker writes its row, in seconds.
INTERVAL_SEC = 3.0
#: A worker that was not seen for this long is shown as offline: two heartbeats were missed.
OFFLINE_AFTER = timedelta(seconds=8)
#: When no worker was seen for this long the gate closes and an alert tells it: a restart takes less.
LOST_AFTER = timedelta(seconds=30)
#: Rows of workers that were not seen for this long are removed.
FORGOTTEN_AFTER = timedelta(days=1)


def beat(session: Session, name: str) -> None:
    """Write that the worker *name* lives."""
    now = func.clock_timestamp()
    session.execute(
        insert(BotWorker)
        .values(name=name, started_at=now, last_seen_at=now)
        .on_conflict_do_update(index_elements=["name"], set_={"last_seen_at": now})
    )


def start(session: Session, name: str) -> None:
    """Write the first beat, and remove what was left of workers long gone."""
    session.execute(
        delete(BotWorker).where(BotWorker.last_seen_at < func.clock_timestamp() - FORGOTTEN_AFTER)
    )
    beat(session, name)


def leave(session: Session, name: str) -> None:
    """The worker *name* ends in good order: it is offline at once."""
    session.execute(delete(BotWorker).where(BotWorker.name == name))
