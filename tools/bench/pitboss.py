"""Pitboss as it is deployed: web by gunicorn with its own settings, and one worker."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from launcher import ports
from launcher.reaper import Guard
from tools.bench.database import Database, Watcher
from tools.bench.errors import BenchError
from tools.bench.http import Connection, compose
from tools.bench.part import Part, answers
from tools.bench.sandbox import Sandbox
from tools.bench.servers import Servers

TOKEN = "operator-token-of-the-bench"  # noqa: S105 - opens nothing but servers that live for minutes
KEY = "PKBENCH"
SECRET = "secret-of-the-bench"  # noqa: S105


class Pitboss:
    """One stack with a database of its own on both servers. Nothing of it runs before a crew starts its parts."""

    def __init__(self, name: str, servers: Servers, sandbox: Sandbox, directory: Path, guard: Guard) -> None:
        self.name = name
        self.port = ports.unused()
        self.database = Database(servers.pitboss_database(name))
        self._directory = directory / name
        self._directory.mkdir()
        self._guard = guard
        self.env = {
            "DATA_DIR": str(self._directory),
            "DATABASE_URL": self.database.url,
            "REDIS_URL": servers.queue(),
            "HOST": ports.LOOPBACK,
            "PORT": str(self.port),
            "API_TOKENS": f"bench:operator:{TOKEN}",
            "SECRET_KEY": "secret-key-of-the-bench",
            "MARKET_HOURS": "always",
            "ALPACA_PAPER_URL": sandbox.url,
            "ALPACA_PAPER_API_KEY": KEY,
            "ALPACA_PAPER_API_SECRET": SECRET,
        }

    @cached_property
    def web(self) -> Part:
        arguments = ["gunicorn", "-c", "web/gunicorn_conf.py", "web.wsgi:app"]
        return self._part("web", arguments, is_ready=answers(self.port, "/readyz"))

    @cached_property
    def worker(self) -> Part:
        """Ready when its gate is open."""
        # the options of script/server
        arguments = ["worker", "worker", "--without-gossip", "--without-mingle"]
        return self._part("worker", arguments, is_ready=self._is_gate_open, before_start=self._close_gate)

    @property
    def parts(self) -> tuple[Part, Part]:
        return self.web, self.worker

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        return compose(method, f"/api/bot{path}", token=TOKEN, body=body)

    def command(self, path: str) -> None:
        """Have a command applied, whatever it was before."""
        with Connection(self.port) as connection:
            answer = connection.ask(self.request("POST", path))
        if answer.status != 200:
            raise BenchError(f"POST {path} was answered with {answer.status}: {answer.body.decode()}")

    def state(self) -> str:
        """The bot's state, as web says it."""
        with Connection(self.port) as connection:
            return str(connection.ask(self.request("GET", "/status")).json()["state"])

    def stop_bot(self) -> None:
        """Stopped and not killed, whatever it was before."""
        self.command("/kill")
        self.command("/rearm")

    def _part(self, name: str, arguments: list[str], **kwargs: Any) -> Part:
        return Part(
            f"{self.name}-{name}",
            arguments,
            env=self.env,
            directory=self._directory,
            guard=self._guard,
            **kwargs,
        )

    def _close_gate(self) -> None:
        # a worker closes it as it starts, but not in its first moment: what an earlier one left is not its own
        self._gate = Watcher(self.database.url, "SELECT reconciled_at IS NOT NULL FROM bot_config")
        self._gate.execute("UPDATE bot_config SET reconciled_at = NULL")

    def _is_gate_open(self) -> bool:
        return self._gate.is_so()
