"""Manual commands: Celery messages as an operator's command line sends them, some due later, some from a clock that is off or
without a time at all."""

from __future__ import annotations

import json
import random
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from tools.chaos import contract
from tools.chaos.clock import now

WEIGHTS = {
    "start": 30,
    "rearm": 15,
    "resume": 10,
    "pause": 6,
    "flatten": 2,
    "update_config": 14,
    "set_mode": 4,
    "stop": 3,
    "kill": 2,
}
#: How far the clocks of some senders are off, in seconds.
AHEAD_SEC, BEHIND_SEC = 300.0, 20.0
#: Longest time between two commands, in seconds.
PAUSE_SEC = 0.25
FILE = "manual.json-lines"


@dataclass(frozen=True)
class Sent:
    """One message that Redis took. ``sent_at`` is when it was really sent, ``said_at`` what it says about that."""

    id: str
    kind: str
    sent_at: float
    said_at: float | None
    countdown: float | None


class Manual(threading.Thread):
    """An operator who uses Celery's command line. Ends by ``end``."""

    def __init__(self, seed: int, redis_url: str, journals: Path) -> None:
        super().__init__(name="manual", daemon=True)
        self._rng = random.Random(f"{seed}/manual")  # noqa: S311 - the run has to be repeatable
        self._celery = Celery("chaos", broker=redis_url, set_as_current=False)
        self._celery.conf.broker_transport_options = {"socket_timeout": 1, "socket_connect_timeout": 1}
        self._celery.conf.task_routes = {f"bot.{kind}": {"queue": "halts"} for kind in sorted(contract.SAFER)}
        self._file = journals / FILE
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(self._rng.uniform(0.02, PAUSE_SEC)):
            with suppress(KombuError, RedisError, OSError):
                self._send()

    def end(self) -> None:
        self._done.set()
        self.join(15)

    def _send(self) -> None:
        kind = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        sent_at = now()
        sent = Sent(
            id=str(uuid4()),
            kind=kind,
            sent_at=sent_at,
            said_at=self._says(kind, sent_at),
            countdown=self._rng.uniform(0.5, 4.0) if self._rng.random() < 0.2 else None,
        )
        params: dict[str, Any] = {"reason": f"manual/{sent.id}"}
        if kind == "update_config":
            params["maxConcurrentPositions"] = self._rng.randint(1, 9)
        if kind == "set_mode":
            params["mode"] = self._rng.choice(["paper", "live"])
        # written before it is sent: a message that was delivered must be known
        with self._file.open("a") as stream:
            stream.write(json.dumps(asdict(sent)) + "\n")
        self._celery.send_task(
            f"bot.{kind}",
            kwargs=params,
            task_id=sent.id,
            countdown=sent.countdown,
            headers={} if sent.said_at is None else {"pitboss_sent_at": sent.said_at},
            ignore_result=True,
            retry=False,
        )

    def _says(self, kind: str, sent_at: float) -> float | None:
        chance = self._rng.random()
        if chance < 0.1:
            return sent_at + AHEAD_SEC
        if chance < 0.2:
            return sent_at - BEHIND_SEC
        if chance < 0.25 and kind not in ("pause", "flatten"):
            return None
        return sent_at


def read(journals: Path) -> list[Sent]:
    """What was sent, in this order."""
    file = journals / FILE
    if not file.exists():
        return []
    return [Sent(**json.loads(line)) for line in file.read_text().splitlines()]


def wait_until_read(redis_url: str, seconds: float) -> None:
    """Returns when no message waits any more, or after *seconds*."""
    import redis

    deadline = time.monotonic() + seconds
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        while time.monotonic() < deadline and any(client.llen(queue) for queue in ("halts", "celery")):
            time.sleep(0.2)
