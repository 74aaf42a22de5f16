"""Attempts to reconcile: which one decides about the gate, and when the next one is due."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from bot.models import BotConfig, BotReconciliation, Trigger

#: How long one attempt holds the right to it, in seconds; longer than any attempt takes.
ATTEMPT_SEC = 20.0
#: Wait between attempts, in seconds: doubled with each failure.
RETRY_FIRST_SEC, RETRY_MOST_SEC = 2.0, 60.0


def is_older_than_gate(config: BotConfig, began_at: datetime, now: datetime) -> bool:
    """Whether the gate was closed, by a worker's start or a mode switch, after an attempt that *began_at* then.

    It can be told until a later attempt is judged; from then on ``is_overtaken`` knows.
    """
    due_at = config.reconcile_due_at
    if due_at is None or config.reconcile_trigger not in (Trigger.STARTUP, Trigger.MODE_SWITCH):
        return False
    # due since it was closed, or claimed after that; a time yet to come is from before the clock was put back
    closed_at = due_at if due_at <= now else due_at - timedelta(seconds=ATTEMPT_SEC)
    return began_at < closed_at <= now


def is_overtaken(session: Session, began_at: datetime, now: datetime) -> bool:
    """Whether an attempt that began after *began_at* has been judged already."""
    # later than now: from before the clock was put back
    finished_since = BotReconciliation.finished_at.between(began_at, now)
    newer = exists().where(finished_since, BotReconciliation.started_at > began_at)
    return session.scalars(select(newer)).one()


def wait_sec(failures: int, asked_sec: float) -> float:
    """Seconds until the next attempt, after so many *failures* before the last one. Within RETRY_MOST_SEC it is not made
    sooner than Alpaca has *asked* for."""
    backoff = min(RETRY_FIRST_SEC * 2.0 ** min(failures, 10), RETRY_MOST_SEC)
    # many bots on one account must not come back in step, least of all when all wait for the most or for the same reset
    wait = max(backoff * random.uniform(0.8, 1.0), asked_sec * random.uniform(1.0, 1.1))  # noqa: S311 - no secret
    return min(max(wait, RETRY_FIRST_SEC), RETRY_MOST_SEC)
