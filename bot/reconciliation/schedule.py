"""Attempts to reconcile: which one decides about the gate, and when the next one is due."""

from __future__ import annotations

from datetime import datetime

from bot.models import BotConfig
from bot.runtime.retry import RetryPolicy

#: How long one attempt holds the right to it, in seconds; longer than any attempt takes.
ATTEMPT_SEC = 20.0
#: Wait between attempts, in seconds: doubled with each failure.
RETRY_FIRST_SEC, RETRY_MOST_SEC = 2.0, 60.0


def is_older_than_gate(config: BotConfig, began_at: datetime, now: datetime) -> bool:
    """Whether the gate was closed, by a worker's start or a mode switch, after an attempt that *began_at* then."""
    return _lies_between(began_at, config.gate_closed_at, now)


def is_overtaken(config: BotConfig, began_at: datetime, now: datetime) -> bool:
    """Whether an attempt that began after *began_at* has decided about the gate already."""
    return _lies_between(began_at, config.reconcile_began_at, now)


def _lies_between(began_at: datetime, moment: datetime | None, now: datetime) -> bool:
    # a time yet to come is from before the clock was put back: it shuts nobody out
    return moment is not None and began_at < moment <= now


def wait_sec(failures: int, asked_sec: float) -> float:
    """Seconds until the next attempt, after so many *failures* before the last one. Within RETRY_MOST_SEC it is not made
    sooner than Alpaca has *asked* for."""
    return RetryPolicy(RETRY_FIRST_SEC, RETRY_MOST_SEC).wait_sec(failures, asked_sec)
