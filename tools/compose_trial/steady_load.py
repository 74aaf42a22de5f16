"""Sends commands without a pause and remembers what was answered, while somebody breaks things."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import requests

#: How long a command may stay queued: a start that nobody applies expires after 30 s.
SETTLE_SEC = 45.0
ROUND = ("start", "pause", "resume", "config", "stop")
_BODIES: dict[str, dict[str, Any]] = {"kill": {"reason": "drill"}, "config": {"maxConcurrentPositions": 3}}


@dataclass
class Load:
    """Two clients, one command after the other each, until it is left."""

    url: str
    token: str
    clients: int = 2
    pause_sec: float = 0.05
    kinds: tuple[str, ...] = ROUND
    answers: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, int] = field(default_factory=dict)  # command id to the status it was answered with
    longest_sec: float = 0.0

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, answers: int) -> None:
        """Until so many commands are answered."""
        while sum(self.answers.values()) < answers:
            time.sleep(0.1)

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, headers=self._headers(), timeout=10)
        answer.raise_for_status()
        return answer.json()

    def unfinished(self) -> list[str]:
        """Accepted commands that never came to an end."""
        deadline, open_ones = time.monotonic() + SETTLE_SEC, list(self.accepted)
        while open_ones and time.monotonic() < deadline:
            open_ones = [each for each in open_ones if self._status(each) == "queued"]
            time.sleep(0.2 if open_ones else 0)
        return open_ones

    def untrue(self) -> list[str]:
        """Commands that were answered with 200 and yet are not applied."""
        return [
            each
            for each, status in self.accepted.items()
            if status == 200 and self._status(each) != "applied"
        ]

    def summary(self) -> str:
        counts = ", ".join(f"{count} × {what}" for what, count in sorted(self.answers.items()))
        return f"{sum(self.answers.values())} commands: {counts}; the longest answer took {self.longest_sec:.1f} s"

    def _status(self, command_id: str) -> str:
        try:
            return str(self.get(f"/api/bot/commands/{command_id}")["status"])
        except requests.RequestException as error:
            return "lost" if error.response is not None and error.response.status_code == 404 else "queued"

    def _send(self) -> None:
        for kind in cycle(self.kinds):
            if self._stop.wait(self.pause_sec):
                return
            began = time.monotonic()
            try:
                answer = self._ask(kind)
            except requests.RequestException:
                with self._lock:
                    self.answers["no answer"] += 1
                continue
            with self._lock:
                self.longest_sec = max(self.longest_sec, time.monotonic() - began)
                self.answers[str(answer.status_code)] += 1
                if answer.status_code in (200, 202):
                    self.accepted[answer.json()["commandId"]] = answer.status_code

    def _ask(self, kind: str) -> requests.Response:
        return requests.request(
            "PATCH" if kind == "config" else "POST",
            f"{self.url}/api/bot/{kind}",
            json=_BODIES.get(kind),
            headers=self._headers(),
            timeout=20,
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid4())}


def broken_rules(load: Load) -> list[str]:
    """What the command log shows that may not be: a gap or a double in the revisions, a step that does not follow."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = load.get(f"/api/bot/commands?limit=200&status=applied{f'&cursor={cursor}' if cursor else ''}")
        rows += page["items"]
        cursor = page["nextCursor"]
    found, state = [], "stopped"
    for number, row in enumerate(sorted(rows, key=lambda row: int(row["revision"])), start=1):
        if row["revision"] != number:
            found.append(f"revision {row['revision']} where {number} should be")
        if row["fromState"] != state:
            found.append(f"revision {number} comes from {row['fromState']}, but the state was {state}")
        state = row["toState"]
    return found
