"""Asks for one thing again and again until it is applied: shows how long a fault keeps commands from being applied."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tools.chaos.client import Client
from tools.chaos.client_log import ClientLog
from tools.chaos.history import KILLER
from tools.chaos.pacing import Pacing
from tools.chaos.workload import PlannedRequest

#: Between two tries, in seconds.
PAUSE_SEC = 0.1
#: How long a try waits for its outcome, in seconds.
WAIT_SEC = 1


class Probe(Client):
    """A client that sends what is always allowed: new thresholds, or with *kill* a kill."""

    def __init__(self, number: int, url: str, journals: Path, *, kill: bool = False) -> None:
        name = f"{KILLER if kill else 'probe-'}{number}"
        super().__init__(number, 0, url, Pacing(), ClientLog(journals / f"{name}.jsonl"))
        self.name = name
        self._kill = kill
        self._done = threading.Event()

    def run(self) -> None:
        tries = 0
        while not self._done.is_set():
            tries += 1
            mark = f"{self.name}/{tries}"
            planned = PlannedRequest(
                "update_config", "PATCH", "/config", {"maxConcurrentPositions": 9, "reason": mark}
            )
            if self._kill:
                planned = PlannedRequest("kill", "POST", "/kill", {"reason": mark})
            if self.attempt(planned, mark, None, f"wait={WAIT_SEC}").status == 200:
                break
            time.sleep(PAUSE_SEC)

    def end(self) -> None:
        self._done.set()
        if self.is_alive():
            self.join(30)
