"""A Pitboss of one's own: PostgreSQL, Valkey, the sandbox, web, a worker and its standby, on loopback."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import requests

from launcher import ports
from launcher.embedded import Postgres, Valkey
from launcher.process import Process, StopOrder, StopStep
from launcher.reaper import Guard
from tools.chaos import secrets

ROOT = Path(__file__).resolve().parents[2]
#: One token for each client and role; their names are the actors of the command log.
TOKENS = {
    "alice": ("operator", "operator-token-of-alice"),
    "bob": ("operator", "operator-token-of-bob"),
    "vera": ("viewer", "viewer-token-of-vera"),
}
START_SEC = 60.0
#: A log line of the loggers behind Celery: its tasks' own (celery.app) are not among them.
_MACHINERY = re.compile(r'"logger": "(celery\.(worker|concurrency)|kombu|billiard|amqp|redis)\b')


class System:
    """Starts, kills and restarts its own processes, and touches no others."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        self.directory = directory
        self._guard = guard
        # durable: what this run proves is worth nothing without fsync
        self.postgres = Postgres(directory / "postgres", guard=guard)
        self.redis = Valkey(directory / "redis", guard=guard)
        self.port = ports.unused()
        self._sandbox_port = ports.unused()
        sandbox = ("--host", ports.LOOPBACK, "--port", str(self._sandbox_port), "--no-rate-limit")
        self.sandbox = self._process("sandbox", "sandbox", *sandbox, order=StopOrder.SANDBOX)
        self.web = self._process("web", "gunicorn", "-c", "web/gunicorn_conf.py", "web.wsgi:app")
        self.workers = {
            name: self._process(name, "worker", "worker", "-n", f"{name}@chaos")
            for name in ("worker", "standby")
        }

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

    # -- starting and stopping --------------------------------------------------------------------------------

    def start(self) -> None:
        """All of it; returns when commands are taken and both workers have reported."""
        self.postgres.start()
        self.redis.start()
        migration = self._process("migration", "flask", "--app", "web", "db", "upgrade")
        migration.start()
        if not migration.wait(START_SEC) or migration.exit_code() != 0:
            raise RuntimeError(f"the migration failed: {self._tail('migration')}")
        self.sandbox.start()
        self.mend()
        self.wait_web()

    def mend(self) -> None:
        """Start again what has ended, and let go on what was frozen."""
        for server in (self.postgres, self.redis):
            if not server.process.is_running:
                server.start()
        for process in (self.redis.process, self.web, *self.workers.values()):
            if process.is_running:
                resume(self.pids(process))
            else:
                process.start()

    def wait_web(self) -> None:
        """Returns when web answers.

        Raises RuntimeError with what it said last and the end of its log if it does not.
        """
        deadline = time.monotonic() + START_SEC
        said = "nothing"
        while time.monotonic() < deadline:
            try:
                response = requests.get(f"{self.url}/readyz", timeout=2)
            except requests.RequestException as error:
                said = str(error)
            else:
                if response.status_code == 200:
                    return
                said = f"{response.status_code}: {response.text}"
            time.sleep(0.05)
        raise RuntimeError(f"web is not ready, its last word: {said}\n{self._tail('web')}")

    def stop(self) -> None:
        with suppress(RuntimeError):
            resume(self.pids(self.redis.process))
        for process in (self.web, *self.workers.values()):
            if process.is_running:
                resume(self.pids(process))
                process.kill_group()
            process.wait(5)
        self.sandbox.stop()
        self.redis.stop()
        self.postgres.stop()

    # -- looking ----------------------------------------------------------------------------------------------

    def pids(self, process: Process) -> list[int]:
        """A process and its children, the parent first."""
        if not process.is_running:
            return []
        return [process.pid, *children(process.pid)]

    def tracebacks(self) -> list[str]:
        """The lines of the logs that begin a stack trace, but for those of Celery's own machinery, which says so of a queue and
        of children that end."""
        return [
            line
            for file in self.directory.glob("*.log")
            for line in file.read_text(errors="replace").splitlines()
            if "Traceback (most recent call last)" in line and not _MACHINERY.search(line)
        ]

    def leaked_secrets(self) -> list[str]:
        """The names of secrets that stand in a log."""
        logs = "".join(file.read_text(errors="replace") for file in self.directory.glob("*.log"))
        return [name for name, secret in secrets.of_environment(self._env()).items() if secret in logs]

    def wipe_redis(self) -> None:
        """Remove all that Redis has on its disk; it must not run."""
        shutil.rmtree(self.redis.directory / "appendonlydir", ignore_errors=True)

    def _tail(self, name: str) -> str:
        file = self.directory / f"{name}.log"
        return "\n".join(file.read_text(errors="replace").splitlines()[-20:]) if file.exists() else "no log"

    # -- how the parts are started ----------------------------------------------------------------------------

    def _process(
        self, name: str, module: str, *arguments: str, order: StopOrder = StopOrder.APPLICATION
    ) -> Process:
        return Process(
            name=name,
            command=[sys.executable, "-m", module, *arguments],
            env=self._env(),
            cwd=ROOT,
            log=self.directory / f"{name}.log",
            stop_order=order,
            stop_steps=(StopStep(signal.SIGTERM, 8), StopStep(signal.SIGKILL, 0)),
            guard=self._guard,
        )

    def _env(self) -> dict[str, str]:
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONUNBUFFERED": "1",
            "DATA_DIR": str(self.directory),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "HOST": ports.LOOPBACK,
            "PORT": str(self.port),
            "API_TOKENS": ",".join(f"{name}:{role}:{token}" for name, (role, token) in TOKENS.items()),
            "SECRET_KEY": "secret-key-of-the-fault-run",
        }
        for mode in ("PAPER", "LIVE"):
            variables[f"ALPACA_{mode}_URL"] = f"http://{ports.LOOPBACK}:{self._sandbox_port}"
            variables[f"ALPACA_{mode}_API_KEY"] = f"{mode}KEYOFTHERUN"
            variables[f"ALPACA_{mode}_API_SECRET"] = f"{mode.lower()}-secret-of-the-run"
        return variables


def children(pid: int) -> list[int]:
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def kill(pids: Sequence[int]) -> None:
    _send(pids, signal.SIGKILL)


def freeze(pids: Sequence[int]) -> None:
    _send(pids, signal.SIGSTOP)


def resume(pids: Sequence[int]) -> None:
    _send(pids, signal.SIGCONT)
