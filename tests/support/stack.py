"""The real system: gunicorn, Celery workers, Valkey, PostgreSQL and a simulated Alpaca, each a process of its own
(Alpaca a thread of the tests), driven from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import requests

from launcher import ports
from launcher.embedded import Valkey
from launcher.reaper import Guard
from tests.support.broker import KEYS, Broker
from tests.support.client import API_TOKENS, TOKENS, Api
from tests.support.ports import free as free_port
from tests.support.process import Process
from tests.support.tables import Tables
from tests.support.waiting import wait_for
from tools.chaos import secrets

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent.parent
#: Time to come up, in seconds; generous, since two cores are shared.
START_SEC = 30.0
#: Last lines of each log that a failure shows.
LOG_LINES = 25


class Stack:
    """One Pitboss with a database, a Redis and a broker of its own. Nothing runs before it is started.

    ``stack.start_sandbox(); stack.start_web(); stack.start_worker()``, or ``stack.start()`` for all of them.
    """

    def __init__(
        self,
        directory: Path,
        database_url: str,
        *,
        guard: Guard | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """*env* replaces settings; an empty value leaves one out."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        #: The tree whose programs run.
        self.root = ROOT
        self.database_url = database_url
        self.tables = Tables(database_url)
        self.broker = Broker()
        self.redis = Valkey(directory / "redis", port=free_port(), guard=guard)
        self.port = free_port()
        self.workers: dict[str, Process] = {}
        self._guard = guard
        self._changed = dict(env or {})
        self.web = self._process("web", self._gunicorn, {})

    # -- starting and stopping --------------------------------------------------------------------------------

    def start(self) -> Stack:
        """Everything, at once; returns when commands are applied and the broker was asked once."""
        self.start_redis()
        self.start_sandbox()
        self.start_web(wait=False)
        self.start_worker(wait=False)
        return self.wait_ready()

    def start_redis(self) -> None:
        if not self.redis.process.is_running:
            self.redis.start()

    def start_sandbox(self) -> Broker:
        self.broker.start()
        for mode in KEYS:
            self.broker.account(mode)
        return self.broker

    def start_web(self, *, wait: bool = True, env: Mapping[str, str] | None = None) -> Process:
        """Start web, for the first time or again."""
        if not self.web.running:
            self.web = self._process("web", self._gunicorn, env or {})
            self.web.start()
        if wait:
            self.wait_web()
        return self.web

    def start_worker(
        self, name: str = "worker", *, wait: bool = True, env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a worker, again if one of that name has ended. With *wait*, returns when it takes messages."""
        process = self._process(name, self.program("worker", "-n", f"{name}@tests"), env or {})
        self.workers[name] = process
        process.start()
        if wait:
            self.wait_worker(name)
        return process

    @property
    def worker(self) -> Process:
        return self.workers["worker"]

    def close(self) -> None:
        """End all of it."""
        for process in (self.web, *self.workers.values()):
            process.close()
        self.broker.stop()
        self.redis.stop()
        self.tables.close()

    # -- waiting ----------------------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[], T], seconds: float, what: str) -> T:
        """The first truthy value of *condition*; on failure the logs are shown."""
        return wait_for(condition, seconds, what, evidence=self.logs)

    def wait_ready(self) -> Stack:
        """Returns when web answers and every started worker takes messages."""
        self.wait_web()
        for name in self.workers:
            self.wait_worker(name)
        return self

    def wait_web(self) -> None:
        def up() -> bool:
            assert self.web.running, "web has ended"
            return requests.get(f"{self.url}/healthz", timeout=2).status_code == 200

        self.wait_for(up, START_SEC, "web answers")

    def wait_worker(self, name: str = "worker") -> None:
        self.wait_for(
            lambda: f"{name}@tests ready." in self.workers[name].log(), START_SEC, f"{name} is ready"
        )

    def wait_finished(self, command_id: str, seconds: float = 5) -> dict[str, Any]:
        """The command's row when it is not queued any more; read from the table, so that nobody is woken by it."""
        return (
            self.wait_for(
                lambda: next(
                    iter(
                        self.sql(
                            "SELECT * FROM bot_command WHERE id::text = %s AND status <> 'queued'",
                            [command_id],
                        )
                    ),
                    None,
                ),
                seconds,
                f"command {command_id} is finished",
            )
            or {}
        )

    def wait_accepting(self, seconds: float = 10) -> None:
        """Returns when the last reconciliation opened the gate."""
        self.wait_for(
            lambda: self.sql("SELECT 1 FROM bot_config WHERE reconciled_at IS NOT NULL"),
            seconds,
            "it is reconciled",
        )

    def wait_compared(self, seconds: float = 10) -> None:
        """Returns when the books were compared after the last command that asks for it."""
        self.wait_for(
            lambda: self.sql(
                "SELECT 1 FROM bot_reconciliation WHERE started_at > (SELECT max(finished_at) FROM bot_command"
                " WHERE status = 'applied' AND kind IN ('start', 'resume', 'stop', 'kill', 'settle'))"
            ),
            seconds,
            "the books are compared",
        )

    # -- looking and acting -----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

    def api(self, role: str | None = "operator") -> Api:
        """A client of the role ``operator`` (``operator2`` is another one), ``viewer`` or ``bot``; None has no token."""
        return Api(self.url, None if role is None else TOKENS[role])

    def status(self) -> dict[str, Any]:
        return self.api("viewer").status()

    def sql(self, query: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        return self.tables.sql(query, params)

    def config(self) -> dict[str, Any]:
        """The one row of bot_config."""
        return self.sql("SELECT * FROM bot_config")[0]

    def commands(self) -> list[dict[str, Any]]:
        """The command log, the oldest first."""
        return self.sql("SELECT * FROM bot_command ORDER BY seq")

    def open_trade(self, symbol: str = "AAPL", shares: int = 10) -> str:
        """Put an open trade into the table; its id."""
        return str(
            self.sql(
                "INSERT INTO bot_trade (symbol, entry_price, shares) VALUES (%s, 10, %s) RETURNING id",
                [symbol, shares],
            )[0]["id"]
        )

    def call(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """``celery -A worker <arguments>``, as an operator types it."""
        return subprocess.run(
            self.celery(*arguments),
            env=self.env(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``flask --app web <arguments>``."""
        command = [sys.executable, "-m", "flask", "--app", "web", *arguments]
        return subprocess.run(
            command, env=self.env(), cwd=self.root, capture_output=True, text=True, timeout=60
        )

    def python(self, script: str, *arguments: str) -> str:
        """What *script* prints in a Python of its own that has this system's settings."""
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env=self.env(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def logs(self, *, whole: bool = False) -> str:
        """The ends of all logs, or all of them."""
        parts = []
        for process in (self.web, *self.workers.values()):
            lines = process.log(whole=whole).splitlines()
            state = "running" if process.running else f"ended with {process.exit_code()}"
            parts += [f"-- {process.name} ({state})", *(lines if whole else lines[-LOG_LINES:])]
        return "\n".join(parts)

    def leaked_secrets(self) -> list[str]:
        """The names of secrets that stand in a log."""
        logs = self.logs(whole=True)
        return [name for name, secret in secrets.of_environment(self.env()).items() if secret in logs]

    # -- how the parts are started ----------------------------------------------------------------------------

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of each process."""
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONUNBUFFERED": "1",
            "DATA_DIR": str(self.directory),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis.url,
            "HOST": ports.LOOPBACK,
            "PORT": str(self.port),
            "API_TOKENS": API_TOKENS,
            "SECRET_KEY": "secret-key-of-the-tests",
            "MARKET_HOURS": "always",
            "ALERT_DAILY_AT": "off",  # it would come whatever a test is about
            "RECONCILE_REQUESTS_PER_MIN": "10000",  # many tests share one account, and none of them waits for a minute
        }
        for mode, (key, secret) in KEYS.items():
            variables[f"ALPACA_{mode.upper()}_API_KEY"] = key
            variables[f"ALPACA_{mode.upper()}_API_SECRET"] = secret
            variables[f"ALPACA_{mode.upper()}_URL"] = self.broker.url
        variables |= {**self._changed, **(more or {})}
        return {name: value for name, value in variables.items() if value}

    def celery(self, *arguments: str) -> list[str]:
        """Celery's command line, for what an operator does with it."""
        return [sys.executable, "-m", "celery", "--quiet", "-A", "worker", *arguments]

    def program(self, *arguments: str) -> list[str]:
        """A program of the worker's: worker, beat or flower, with its options."""
        return [sys.executable, "-m", "worker", *arguments]

    @property
    def _gunicorn(self) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "-c", "web/gunicorn_conf.py", "web.wsgi:app"]

    def _process(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> Process:
        log = self.directory / f"{name}.log"
        return Process(name, command, env=self.env(env), cwd=self.root, log=log, guard=self._guard)
