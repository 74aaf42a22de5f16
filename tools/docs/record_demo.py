"""Runs ``script/server --demo``, plays an operator, and writes what happened to ``docs/proofs/demo.md``.

    .venv/bin/python tools/docs/record_demo.py

All that stands in the code blocks was printed or answered in that run; only tokens and passwords are blanked out.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import requests

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "proofs" / "demo.md"
HEAD = """# A run of the demo

Recorded by `tools/docs/record_demo.py` from `script/server --demo`: a real run, with the simulated broker. The lines of the bot are
those that `script/server` shows, with the seconds since the recording began.
"""


class Recording:
    """One run, and the page that is written about it."""

    def __init__(
        self, directory: str, head: str = HEAD, arguments: Sequence[str] = ("--demo",), **env: str
    ) -> None:
        self._page = [head]
        self._lines: list[tuple[float, str]] = []
        self._shown = 0
        self._began = time.monotonic()
        self._port = _free_port()
        self.server = subprocess.Popen(
            [sys.executable, "-m", "launcher", *arguments],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": directory,
                "DATA_DIR": directory,
                "PORT": str(self._port),
                "FLOWER_PORT": str(_free_port()),
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("Pitboss runs.", 90)
        time.sleep(1)
        # what is printed into a pipe names the files of the secrets, not the secrets
        kept = Path(directory)
        self._token = (kept / "api-tokens").read_text().split(",")[0].split(":")[2]
        self._secrets = (self._token, (kept / "flower-login").read_text().split(":")[1].strip())
        self.sandbox = self._found(r"SANDBOX at (http://\S+?):? ")
        self.key = (Path(directory) / "sandbox-keys").read_text().split(":")[0]

    @property
    def client_env(self) -> Mapping[str, str]:
        """What the command line needs to know of this run."""
        return {"PITBOSS_URL": f"http://127.0.0.1:{self._port}", "PITBOSS_TOKEN": self._token}

    # -- acting -----------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        self._page.append(f"\n{text}\n")

    def call(
        self, method: str, path: str, *, show: Callable[[Any], Any] = lambda row: row, **body: Any
    ) -> Any:
        """A call of the operator, shown with its answer."""
        answer = self.ask(method, path, body)
        said = f" {json.dumps(body)}" if body else ""
        shown = json.dumps(show(answer.json()), indent=2)
        self.block(f"> {method} /api/bot{path}{said}\n{answer.status_code}\n{shown}", "json")
        return answer.json()

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """The same, not shown."""
        url = f"http://127.0.0.1:{self._port}/api/bot{path}"
        headers = {"Authorization": f"Bearer {self._token}"}
        return requests.request(method, url, headers=headers, json=body or None, timeout=20)

    def broker(self, method: str, path: str, body: Any = None) -> Any:
        return requests.request(method, f"{self.sandbox}/sandbox{path}", json=body, timeout=10).json()

    def kill_9(self, command: str) -> None:
        """kill -9 of the part of this run whose command line has this in it."""
        for child in psutil.Process(self.server.pid).children():
            with suppress(psutil.ZombieProcess):
                if command in " ".join(child.cmdline()):
                    os.killpg(child.pid, signal.SIGKILL)

    def wait(self, text: str, seconds: float = 40) -> None:
        """Until a line that was not shown yet has this in it."""
        deadline = time.monotonic() + seconds
        while not any(text in line for _, line in self._lines[self._shown :]):
            if time.monotonic() > deadline or self.server.poll() is not None:
                raise SystemExit(f"{text!r} did not come:\n" + "\n".join(line for _, line in self._lines))
            time.sleep(0.05)

    def show(self, *parts: str) -> None:
        """What these parts printed since the last time."""
        new, self._shown = self._lines[self._shown :], len(self._lines)
        chosen = [
            f"{at:6.1f}  {line}" for at, line in new if not parts or re.match(rf"({'|'.join(parts)}) ", line)
        ]
        self.block("\n".join(chosen) or "(nothing)", "text")

    def table(self, rows: list[dict[str, Any]], *columns: str) -> None:
        lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in rows]
        self._page.append("\n" + "\n".join(lines) + "\n")

    def finish(self, page: Path = PAGE) -> None:
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(40)
        text = "".join(self._page)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        page.write_text(text)

    def _found(self, pattern: str) -> str:
        match = re.search(pattern, "\n".join(line for _, line in self._lines))
        if match is None:
            raise SystemExit(f"nothing matches {pattern}")
        return match[1]

    def block(self, text: str, language: str) -> None:
        self._page.append(f"\n```{language}\n{text}\n```\n")

    def _read(self) -> None:
        assert self.server.stdout is not None  # noqa: S101 - it is a pipe
        for line in self.server.stdout:
            self._lines.append((time.monotonic() - self._began, line.rstrip()))


def play(run: Recording) -> None:
    run.say("## It waits for a start")
    run.show("demo", "  (?:panel|account|demo)", " +MARKET")
    run.call("GET", "/gate")
    run.call("POST", "/start", reason="the demo")
    run.wait("sold", 60)
    time.sleep(6)
    run.show("demo")

    run.say("## Paused: it opens nothing and still exits what is open")
    run.call("POST", "/pause", reason="lunch")
    run.wait("sold")
    time.sleep(16)
    run.show("demo")
    run.call("GET", "/status", show=_glance)

    run.say("## Stopped: it does nothing, even with positions open")
    run.call("POST", "/resume")
    run.wait("bought")
    time.sleep(4)
    run.show("demo")
    run.call("POST", "/stop", reason="enough")
    run.wait("not_running")
    run.show("demo")
    run.say("Fifteen seconds later, which is longer than it holds a position:")
    time.sleep(15)
    run.show("demo")
    run.call("GET", "/status", show=_glance)
    held = run.broker("GET", f"/accounts/{run.key}")["positions"]
    run.say(f"The broker holds {', '.join(row['qty'] + ' ' + row['symbol'] for row in held) or 'nothing'}.")

    run.say(
        "## Killed in the middle of an order\n\nThe bot is started again, and paused until it has sold what it held. Then the"
        " broker is told to send its answers to orders a byte at a time. While the bot reads such an answer, bot and worker"
        " are killed with -9: the order has filled, and nobody has recorded it."
    )
    run.call("POST", "/start", show=_state)
    run.call("POST", "/pause", show=_state)
    _await_flat(run)
    run.show("demo")
    run.broker("PUT", "/faults", [{"kind": "drip", "path": "/v2/orders", "method": "POST"}])
    run.call("POST", "/resume", show=_state)
    known = {order["id"] for order in run.broker("GET", f"/accounts/{run.key}")["orders"]}
    order = _await_buy(run, known)
    run.kill_9("examples.demo_bot")
    run.kill_9("-m worker worker")
    run.broker("DELETE", "/faults")
    run.show("demo", "pitboss")
    path = f"/trades/{order['client_order_id']}"
    run.call("GET", path, show=_trade)
    run.say(
        f"At the broker the order is `{order['status']}`: {order['filled_qty']} at {order['filled_avg_price']}."
    )
    run.say("The launcher starts both again. The bot settles the trade, and the worker reconciles:")
    run.wait("reconciliation (startup", 60)
    run.wait("bought", 60)
    run.show("demo", "pitboss", r"worker +\| .*reconciliation")
    run.call("GET", "/reconciliations?limit=1", show=lambda page: _report(page["items"][0]))
    run.call("GET", path, show=_trade)

    run.say("## Killed, by the operator")
    run.call("POST", "/pause", show=_state)
    _await_flat(run)
    run.call("POST", "/kill", reason="end of the demo")
    run.wait("killed")
    run.show("demo")
    run.call("POST", "/start")

    run.say("## What the books say")
    trades = run.call("GET", "/trades?limit=200", show=lambda page: f"{len(page['items'])} trades")["items"]
    for trade in trades:
        trade["id"] = trade["id"][:8]
    run.table(
        trades[::-1], "id", "symbol", "shares", "entryPrice", "exitPrice", "pnl", "exitReason", "status"
    )
    days = run.call("GET", "/stats/daily", show=lambda page: page["items"])["items"]
    account = run.broker("GET", f"/accounts/{run.key}")
    booked = sum((Decimal(str(day["realizedPnl"])) for day in days), Decimal(0))
    same = "the same" if booked == Decimal(account["realized_pl"]) else "NOT the same"
    run.say(
        f"The broker realized {account['realized_pl']} dollars: {same}, and holds {len(account['positions'])} positions."
    )


def _await_flat(run: Recording) -> None:
    for _ in range(120):
        if not run.broker("GET", f"/accounts/{run.key}")["positions"]:
            time.sleep(2)
            return
        time.sleep(0.5)
    raise SystemExit("the positions were not sold")


def _state(row: dict[str, Any]) -> dict[str, Any]:
    return {"state": row["state"]}


def _await_buy(run: Recording, known: set[str]) -> dict[str, Any]:
    for _ in range(600):
        for order in run.broker("GET", f"/accounts/{run.key}")["orders"]:
            if order["id"] not in known and order["side"] == "buy":
                found: dict[str, Any] = order
                return found
        time.sleep(0.05)
    raise SystemExit("no order came")


def _glance(row: dict[str, Any]) -> dict[str, Any]:
    names = (
        "state",
        "mode",
        "openPositionCount",
        "todayRealizedPnl",
        "todayTradeCount",
        "acceptingSignals",
        "reasons",
    )
    return {name: row[name] for name in names}


def _trade(row: dict[str, Any]) -> dict[str, Any]:
    names = ("symbol", "shares", "entryPrice", "status", "filled", "alpacaOrderId", "exitReason")
    return {name: row[name] for name in names}


def _report(row: dict[str, Any]) -> dict[str, Any]:
    names = (
        "trigger",
        "outcome",
        "openTrades",
        "brokerPositions",
        "matched",
        "missed",
        "inFlight",
        "differences",
    )
    return {name: row[name] for name in names}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pitboss-", ignore_cleanup_errors=True) as made:
        recording = Recording(made)
        try:
            play(recording)
            recording.finish()
        finally:
            if recording.server.poll() is None:
                recording.server.terminate()
                recording.server.wait(40)
    print(f"Written: {PAGE.relative_to(ROOT)}")
