"""A run of ``script/server`` that is recorded: what it printed, what it was asked, and what it answered, as a page."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import requests

ROOT = Path(__file__).resolve().parents[2]


class Recording:
    """One run, and the page that is written about it."""

    def __init__(self, directory: str, head: str, arguments: Sequence[str] = ("--demo",), **env: str) -> None:
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

    def finish(self, page: Path) -> None:
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
