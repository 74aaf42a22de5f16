"""The simulated Alpaca that Pitboss reconciles with, without a limit of requests."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from launcher import ports
from launcher.reaper import Guard
from tools.bench.errors import BenchError
from tools.bench.part import Part, answers

#: Filling an account with 100,000 positions takes a while.
TIMEOUT_SEC = 120.0


class Sandbox:
    """The part, and what it is told."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        self._port = ports.unused()
        self.part = Part(
            "sandbox",
            ["sandbox", "--host", ports.LOOPBACK, "--port", str(self._port), "--no-rate-limit"],
            env={},
            directory=directory,
            guard=guard,
            is_ready=answers(self._port, "/healthz"),
        )

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self._port}"

    def hold(self, key: str, symbols: list[str], shares: int) -> None:
        """Let the account of *key* hold so many shares of each symbol, and nothing else."""
        rows = [{"symbol": symbol, "qty": str(shares), "avg_entry_price": "10"} for symbol in symbols]
        self._call("PUT", f"/sandbox/accounts/{key}/positions", json.dumps(rows))

    def slow_down(self, key: str, seconds: float | None) -> None:
        """Let each call of *key* take so long; None ends it."""
        rows = [] if seconds is None else [{"kind": "slow", "key": key, "seconds": seconds}]
        self._call("PUT", "/sandbox/faults", json.dumps(rows))

    def positions(self, key: str, secret: str) -> bytes:
        """The positions as Pitboss is given them."""
        headers = {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret}
        return self._call("GET", "/v2/positions", headers=headers)

    def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
        connection = http.client.HTTPConnection(ports.LOOPBACK, self._port, timeout=TIMEOUT_SEC)
        try:
            connection.request(
                method, path, body=body, headers={"Content-Type": "application/json", **(headers or {})}
            )
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchError(f"The sandbox answered {method} {path} with {answer.status}: {content[:200]!r}")
        return content
