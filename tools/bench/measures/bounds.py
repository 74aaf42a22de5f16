"""What bounds the targets: parts of the work that nothing could be taken out of without a promise going with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import psycopg2

from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.settings.settings import Settings
from bot.states import CommandKind, Source
from bot.storage.database import Database
from bot.storage.pipeline import Pipeline
from tools.bench.http import compose
from tools.bench.lab import Lab
from tools.bench.measures.status import of_bare_readers, of_readers
from tools.bench.measures.throughput import of_clients, of_naive_clients
from tools.bench.row import Group, Row
from tools.bench.series import Series, quantile

_COMMIT = "UPDATE bot SET state = 'stopped', changes = changes + 1 WHERE id = 1"


def run(lab: Lab) -> list[Row]:
    return [*_messages(lab), *_kills(lab), *_commands(lab), *_reads(lab)]


def _messages(lab: Lab) -> list[Row]:
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
    execute, spent = Pipeline._execute, [0.0]

    def timed(batch: Pipeline, message: str, values: Any = ()) -> Any:
        began = time.perf_counter()
        rows = execute(batch, message, values)
        spent[0] += time.perf_counter() - began
        return rows

    taken = []
    with patch.object(Pipeline, "_execute", timed):
        for _ in range(count):
            spent[0] = 0.0
            controller.kill(NewCommand(kind=CommandKind.KILL, actor="bench", source=Source.API))
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


def _kills(lab: Lab) -> list[Row]:
    pitboss, bare, count = lab.pitboss, lab.bare, lab.sizes.requests
    lab.crew.only(pitboss.web, bare.web)
    return _processor_time(
        lab,
        "one kill",
        "bare Flask + one hot-row commit",
        ours=Load(pitboss.port, [[pitboss.request("POST", "/kill")] * count], {"web": pitboss.web.cpu_sec}),
        theirs=Load(bare.port, [[compose("POST", "/commit")] * count], {"web": bare.web.cpu_sec}),
    )


def _commands(lab: Lab) -> list[Row]:
    pitboss, naive = lab.pitboss, lab.naive
    lab.crew.only(*pitboss.parts, *naive.parts)
    pitboss.stop_bot()
    return _processor_time(
        lab,
        "one command",
        "naive",
        ours=Load(
            pitboss.port, of_clients(lab), {"web": pitboss.web.cpu_sec, "worker": pitboss.worker.cpu_sec}
        ),
        theirs=Load(
            naive.port, of_naive_clients(lab), {"web": naive.web.cpu_sec, "worker": naive.worker.cpu_sec}
        ),
    )


def _reads(lab: Lab) -> list[Row]:
    pitboss, bare = lab.pitboss, lab.bare
    lab.crew.only(*pitboss.parts, bare.web)
    return _processor_time(
        lab,
        "one status read",
        "bare Flask + one SELECT",
        ours=Load(pitboss.port, of_readers(lab), {"web": pitboss.web.cpu_sec}),
        theirs=Load(bare.port, of_bare_readers(lab), {"web": bare.web.cpu_sec}),
    )


@dataclass(frozen=True)
class Load:
    """What the clients of one side send, and whose processor time counts."""

    port: int
    requests: list[list[bytes]]
    parts: dict[str, Callable[[], float]]


def _processor_time(lab: Lab, of: str, against: str, *, ours: Load, theirs: Load) -> list[Row]:
    """Where two processors' time goes when they are all that there is."""

    def spent_ms(load: Load) -> dict[str, float]:
        parts = {**load.parts, "PostgreSQL and Valkey": lab.servers.cpu_sec}
        before = {name: cpu_sec() for name, cpu_sec in parts.items()}
        lab.crowd.per_second(load.port, load.requests)
        count = sum(map(len, load.requests))
        spent = {name: (cpu_sec() - before[name]) * 1000 / count for name, cpu_sec in parts.items()}
        return {**spent, "all of it": sum(spent.values())}

    done = lab.take_turns({"ours": lambda: spent_ms(ours), "theirs": lambda: spent_ms(theirs)})
    return [
        Row(
            Group.REFERENCES,
            "bounds",
            f"processor time of {of}, {_clients(len(ours.requests))}: {name}",
            "ms",
            ours=Series.of(spent[name] for spent in done["ours"]),
            baseline=Series.of(spent[name] for spent in done["theirs"]),
            against=against,
        )
        for name in done["ours"][0]
    ]


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"
