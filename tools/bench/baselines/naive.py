"""The control plane that most people would write: `delay().get()`, and a worker that locks, updates and commits one row.

No command log, no validation, no order, no login. Its connection is psycopg2's own; pool and queue
have the settings of `celeryconfig.py` that decide how fast they are.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import psycopg2
from celery import Celery
from flask import Flask, jsonify

import tools.bench.baselines.readiness  # noqa: F401 - connects its handler

celery = Celery("naive", broker=os.environ["BENCH_REDIS_URL"], backend=os.environ["BENCH_REDIS_URL"])
celery.conf.update(worker_concurrency=1, worker_prefetch_multiplier=1, task_acks_late=True)
app = Flask(__name__)


@cache
def connection() -> Any:
    """The connection of this process; the pool's only child makes it with its first task."""
    return psycopg2.connect(os.environ["BENCH_DATABASE_URL"])


@celery.task
def change(state: str) -> dict[str, str]:
    with connection() as transaction, transaction.cursor() as cursor:
        cursor.execute("SELECT state FROM bot WHERE id = 1 FOR UPDATE")
        cursor.execute("UPDATE bot SET state = %s, changes = changes + 1 WHERE id = 1", [state])
    return {"state": state}


@app.post("/start")
def start() -> Any:
    return jsonify(change.delay("running").get(timeout=10))


@app.post("/stop")
def stop() -> Any:
    return jsonify(change.delay("stopped").get(timeout=10))


@app.get("/healthz")
def healthz() -> Any:
    return jsonify(ok=True)
