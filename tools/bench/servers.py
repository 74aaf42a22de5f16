"""The servers that both sides use: one PostgreSQL, durable as in production, and one Valkey with its append-only file."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import psutil
import psycopg2

from launcher.embedded import Postgres, Valkey
from launcher.programs import ROOT
from launcher.reaper import Guard
from tools.bench.errors import BenchError

#: Both stacks and the baselines keep many connections at once.
OPTIONS = {"max_connections": "250"}


class Servers:
    """Runs from ``start`` to ``stop``. Every user has a database of its own on each server."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        self.postgres = Postgres(directory / "postgres", options=OPTIONS, guard=guard)
        self.valkey = Valkey(directory / "valkey", guard=guard)
        self._directory = directory
        self._numbers = count(1)
        self._is_migrated = False

    def start(self) -> None:
        self.postgres.start()
        self.valkey.start()

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()

    def queue(self) -> str:
        """The URL of an empty database of Valkey."""
        return f"{self.valkey.url.rpartition('/')[0]}/{next(self._numbers)}"

    def empty_database(self, name: str) -> str:
        """The URL of a new database without tables."""
        return self._create(name, "template0")

    def pitboss_database(self, name: str) -> str:
        """The URL of a new database with Pitboss's tables."""
        if not self._is_migrated:
            self._migrate(self.postgres.url)
            self._is_migrated = True
        return self._create(name, self.postgres.DATABASE)

    def cpu_sec(self) -> float:
        """Processor time that both servers and their present children have used, in seconds."""
        used = 0.0
        for server in (self.postgres, self.valkey):
            parent = psutil.Process(server.process.pid)
            for process in (parent, *parent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    used += times.user + times.system
        return used

    def version(self) -> str:
        with closing(psycopg2.connect(self.postgres.url)) as connection:
            return f"PostgreSQL {connection.server_version // 10_000}.{connection.server_version % 10_000}"

    def _create(self, name: str, template: str) -> str:
        name = f"bench_{name}"  # the database that is there from the beginning is only copied from
        with closing(psycopg2.connect(self.postgres.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.postgres.url_of(name)

    def _migrate(self, url: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "web", "db", "upgrade"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DATABASE_URL": url,
                "REDIS_URL": self.valkey.url,
                "DATA_DIR": str(self._directory),
                "API_TOKENS": "bench:operator:only-for-the-migration",
                "SECRET_KEY": "only-for-the-migration",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise BenchError(f"The database could not be migrated: {done.stderr}")
