"""Alpaca's own client for JavaScript, in a process of its own that makes the calls it is told to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).with_name("npm")


class Refused(Exception):
    """The client threw an error: its *name*, and *status*, *code* and *message* where it has them."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.name, self.message = error["name"], error["message"]
        self.status, self.code = error.get("status"), error.get("code")


class AlpacaJs:
    """The client, which takes the sandbox at *url* for Alpaca."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        program = [_node(), str(FOLDER / "calls.cjs"), url, key, secret]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, call: str, *given: Any) -> Any:
        """What the method *call* of the client's ``trading`` answers, as JSON."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, "given": given}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["value"]

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


def _node() -> str:
    """The path of Node. Without it, or without the client, the test is skipped, and fails where CI=true."""
    node = shutil.which("node")
    if node is not None and (FOLDER / "node_modules").is_dir():
        return node
    reason = f"Node 18 or later is needed, and Alpaca's client: npm ci in {FOLDER}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
