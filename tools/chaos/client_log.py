"""A client's own log: one line for each request, written before the next one is sent."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tools.chaos.history import Attempt


class ClientLog:
    """Appends to one file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def write(self, attempt: Attempt) -> None:
        with self._file.open("a") as stream:
            stream.write(json.dumps(asdict(attempt)) + "\n")


def read(directory: Path) -> list[Attempt]:
    """What all clients wrote, in the order of their answers."""
    lines = [line for file in sorted(directory.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return sorted((Attempt(**json.loads(line)) for line in lines), key=lambda attempt: attempt.answered_at)
