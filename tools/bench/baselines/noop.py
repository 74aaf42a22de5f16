"""Celery alone: a task that does nothing."""

from __future__ import annotations

import os

from celery import Celery

import tools.bench.baselines.readiness  # noqa: F401 - connects its handler

celery = Celery("noop", broker=os.environ["BENCH_REDIS_URL"], backend=os.environ["BENCH_REDIS_URL"])


@celery.task(acks_late=True)
def nothing() -> None:
    """Return at once."""
