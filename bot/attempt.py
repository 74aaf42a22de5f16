"""Attempts to reconcile: when the next one is due."""

from __future__ import annotations

import random

#: Wait between attempts, in seconds: doubled with each failure.
RETRY_FIRST_SEC, RETRY_MOST_SEC = 2.0, 60.0


def wait_sec(failures: int, asked_sec: float) -> float:
    """Seconds until the next attempt, after so many *failures* before the last one. Within RETRY_MOST_SEC it is not made
    sooner than Alpaca has *asked* for."""
    backoff = min(RETRY_FIRST_SEC * 2.0 ** min(failures, 10), RETRY_MOST_SEC)
    # many bots on one account must not come back in step, least of all when all wait for the most or for the same reset
    wait = max(backoff * random.uniform(0.8, 1.0), asked_sec * random.uniform(1.0, 1.1))  # noqa: S311 - no secret
    return min(max(wait, RETRY_FIRST_SEC), RETRY_MOST_SEC)
