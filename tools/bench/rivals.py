"""Runs the baselines: the same gunicorn, the same PostgreSQL and the same Valkey as Pitboss."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from launcher import ports
from launcher.reaper import Guard
from tools.bench.baselines.table import CHANGES, SCHEMA
from tools.bench.database import Database
from tools.bench.part import Part, answers
from tools.bench.servers import Servers

#: A worker with the pool and the queue of Pitboss's.
LIKE_PITBOSS = ("--concurrency=1", "--prefetch-multiplier=1", "--without-gossip", "--without-mingle")


class WebRival:
    """A Flask app of `tools.bench.baselines`, with a one-row table of its own."""

    def __init__(self, name: str, servers: Servers, directory: Path, guard: Guard) -> None:
        self.name = name
        self.port = ports.unused()
        self.database = Database(servers.empty_database(name))
        self.database.execute(SCHEMA)
        self.directory = directory
        self.guard = guard
        self.env = {
            "BENCH_PORT": str(self.port),
            "BENCH_DATABASE_URL": self.database.url,
            "BENCH_REDIS_URL": servers.queue(),
        }

    @cached_property
    def web(self) -> Part:
        arguments = [
            "gunicorn",
            "-c",
            "tools/bench/baselines/gunicorn_conf.py",
            f"tools.bench.baselines.{self.name}:app",
        ]
        return Part(
            f"{self.name}-web",
            arguments,
            env=self.env,
            directory=self.directory,
            guard=self.guard,
            is_ready=answers(self.port, "/healthz"),
        )

    def changes(self) -> int:
        """How often its row was changed."""
        return int(self.database.value(CHANGES))


class Naive(WebRival):
    """The naive control plane."""

    def __init__(self, servers: Servers, directory: Path, guard: Guard) -> None:
        super().__init__("naive", servers, directory, guard)

    @cached_property
    def worker(self) -> Part:
        return celery_worker("naive", *LIKE_PITBOSS, env=self.env, directory=self.directory, guard=self.guard)

    @property
    def parts(self) -> tuple[Part, Part]:
        return self.web, self.worker


class Noop:
    """Celery alone, with the options that Pitboss's worker has, or with none."""

    def __init__(self, servers: Servers, directory: Path, guard: Guard) -> None:
        self.queue = servers.queue()
        env = {"BENCH_REDIS_URL": self.queue}
        self.like_pitboss = celery_worker("noop", *LIKE_PITBOSS, env=env, directory=directory, guard=guard)
        self.by_default = celery_worker("noop", env=env, directory=directory, guard=guard)


def celery_worker(name: str, *options: str, env: dict[str, str], directory: Path, guard: Guard) -> Part:
    """The worker of a baseline. It touches a file when it is ready."""
    file = directory / f"{name}-worker.ready"
    return Part(
        f"{name}-worker",
        ["celery", "--quiet", "-A", f"tools.bench.baselines.{name}:celery", "worker", *options],
        env={**env, "BENCH_READY_FILE": str(file)},
        directory=directory,
        guard=guard,
        before_start=lambda: file.unlink(missing_ok=True),
        is_ready=file.exists,
    )
