"""What bounds the targets: parts of the work that nothing could be taken out of without a promise going with it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any
from unittest.mock import patch

import psycopg2

from bench.lab import Lab
from bench.measures.throughput import of_clients
from bench.row import Group, Row
from bench.series import Series, quantile
from bot.batch import Batch
from bot.command_log import Intention
from bot.controller import Controller
from bot.database import Database
from bot.settings import Settings
from bot.states import CommandKind, Source

_COMMIT = "UPDATE bot SET state = 'stopped', changes = changes + 1 WHERE id = 1"


def run(lab: Lab) -> list[Row]:
    return [*_kill(lab), *_without_celery(lab)]


def _kill(lab: Lab) -> list[Row]:
    """No HTTP, no gunicorn, and of Pitboss's own Python nothing: only the time that psycopg2 spends in the messages."""
    pitboss, bare, count = lab.pitboss, lab.bare, lab.sizes.requests
    lab.crew.only()
    settings = Settings.load(
        data_dir=lab.directory, database_url=pitboss.database.url, redis_url="redis://127.0.0.1:1/0"
    )
    with (
        closing(Database.connect(settings)) as database,
        closing(psycopg2.connect(bare.database.url)) as other,
    ):
        other.autocommit = True
        controller = Controller(database, settings)
        done = lab.take_turns(
            {"ours": lambda: _messages_ms(controller, count), "bare": lambda: _commits_ms(other, count)}
        )
    return [
        Row(
            Group.REFERENCES,
            "bounds",
            "a kill's two messages to Postgres, without HTTP and without Pitboss's Python, p50",
            "ms",
            ours=Series.of(done["ours"]),
            baseline=Series.of(done["bare"]),
            against="one hot-row commit without HTTP, p50",
        )
    ]


def _messages_ms(controller: Controller, count: int) -> float:
    execute, spent = Batch._execute, [0.0]

    def timed(batch: Batch, message: str, values: Any = ()) -> Any:
        began = time.perf_counter()
        rows = execute(batch, message, values)
        spent[0] += time.perf_counter() - began
        return rows

    taken = []
    with patch.object(Batch, "_execute", timed):
        for _ in range(count):
            spent[0] = 0.0
            controller.submit_and_apply(Intention(kind=CommandKind.KILL, actor="bench", source=Source.API))
            taken.append(spent[0] * 1000)
    return quantile(taken, 0.5)


def _commits_ms(connection: Any, count: int) -> float:
    taken = []
    with connection.cursor() as cursor:
        for _ in range(count):
            began = time.perf_counter()
            cursor.execute(_COMMIT)
            taken.append((time.perf_counter() - began) * 1000)
    return quantile(taken, 0.5)


def _without_celery(lab: Lab) -> list[Row]:
    """With Valkey stopped nothing is sent to Celery and nothing comes from there: the worker's sweep applies it all."""
    lab.crew.only(*lab.pitboss.parts)
    changes = of_clients(lab)
    lab.servers.valkey.stop()
    try:
        done = lab.take_turns({"ours": lambda: lab.crowd.per_second(lab.pitboss.port, changes)})
    finally:
        lab.servers.valkey.start()
    return [
        Row(
            Group.REFERENCES,
            "bounds",
            f"commands per second, {lab.sizes.clients} clients, with Redis down: without Celery's messages",
            "/s",
            ours=Series.of(done["ours"]),
        )
    ]
