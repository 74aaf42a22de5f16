"""Heartbeats: one row for each worker process and one for beat, so that every process can see whether they are alive."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bot.models import BotWorker, Sign
from bot.storage.pipeline import BEGIN, COMMIT, Pipeline
from bot.storage.statements import GIVE_SIGN, SEE_WORKER

#: How often a worker writes its row, in seconds.
INTERVAL_SEC = 3.0
#: A worker that was not seen for this long is shown as offline: it missed two heartbeats.
OFFLINE_AFTER = timedelta(seconds=8)
#: If no worker was seen for this long, the gate closes and an alert is sent: a restart takes less.
LOST_AFTER = timedelta(seconds=30)
#: Rows of workers that were not seen for this long are deleted.
FORGOTTEN_AFTER = timedelta(days=1)


def beat(batch: Pipeline, name: str, trouble: str | None = None) -> None:
    """Write that the worker *name* is alive, and, if it takes no messages, why."""
    batch.send(BEGIN, SEE_WORKER(name, trouble), COMMIT)


def troubles(session: Session) -> list[str]:
    """Why workers that are alive take no messages."""
    now = func.clock_timestamp()
    rows = session.execute(
        select(BotWorker.name, BotWorker.trouble)
        .where(BotWorker.trouble.is_not(None), BotWorker.last_seen_at > now - OFFLINE_AFTER)
        .order_by(BotWorker.name)
    )
    return [f"{name}: {trouble}" for name, trouble in rows]


def start(batch: Pipeline, name: str) -> None:
    """Delete the rows of workers that are long gone, and write the first heartbeat."""
    batch.session.execute(
        delete(BotWorker).where(BotWorker.last_seen_at < func.clock_timestamp() - FORGOTTEN_AFTER)
    )
    beat(batch, name)


def leave(session: Session, name: str) -> None:
    """Delete the row of the worker *name*, which shuts down properly: it is offline at once."""
    session.execute(delete(BotWorker).where(BotWorker.name == name))


def give_sign(batch: Pipeline, sign: Sign) -> None:
    """Write the present time for this *sign* of life."""
    batch.send(BEGIN, GIVE_SIGN(sign), COMMIT)
