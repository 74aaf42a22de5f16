"""A client: sends commands over HTTP, tries again as a good client does, and writes down what it was told."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from typing import Any

import requests

from tools.chaos.client_log import ClientLog
from tools.chaos.clock import now
from tools.chaos.history import Attempt
from tools.chaos.pacing import Pacing
from tools.chaos.system import TOKENS
from tools.chaos.workload import PlannedRequest, choose

#: Longer than any answer may take, in seconds.
TIMEOUT_SEC = 15.0
#: How often a command with an Idempotency-Key is sent before a client gives up.
MOST_ATTEMPTS = 5


class Client(threading.Thread):
    """One of several, in a thread of its own, as an actor of its own."""

    def __init__(self, number: int, seed: int, url: str, pacing: Pacing, client_log: ClientLog) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self._actor = "alice" if number % 2 else "bob"
        self._rng = random.Random(f"{seed}/{number}")  # noqa: S311 - the run has to be repeatable
        self._url = f"{url}/api/bot"
        self._pacing = pacing
        self._client_log = client_log
        self._state = "stopped"
        self._used_keys: list[str] = []

    def run(self) -> None:
        sent = 0
        while self._pacing.take():
            sent += 1
            mark = f"{self.name}/{sent}"
            self._send(choose(self._rng, self._state, mark), mark)

    def _send(self, planned: PlannedRequest, mark: str) -> None:
        prefer = self._prefer()
        key = self._key(planned, mark)
        tries = MOST_ATTEMPTS if key == mark else 1
        for attempt in range(1, tries + 1):
            answered = _is_answered(self.attempt(planned, mark, key, prefer))
            if answered and self._rng.random() > 0.1:
                return  # else its answer is lost on the way, and it is sent again
            if not answered:
                time.sleep(self._rng.uniform(0.1, 0.4) * attempt)

    def _prefer(self) -> str | None:
        chance = self._rng.random()
        if chance < 0.15:
            return "respond-async"
        return "wait=6" if chance < 0.3 else None

    def _key(self, planned: PlannedRequest, mark: str) -> str | None:
        """No key, one of its own, or, by mistake, one that was used before."""
        if planned.method == "GET" or "Idempotency-Key" in planned.headers or self._rng.random() < 0.4:
            return None
        if self._used_keys and self._rng.random() < 0.02:
            return self._rng.choice(self._used_keys)
        if planned.role == "operator":
            self._used_keys.append(mark)
        return mark

    def attempt(self, planned: PlannedRequest, mark: str, key: str | None, prefer: str | None) -> Attempt:
        """Send it once, and write down what came of it."""
        headers = dict(planned.headers) | _authorization(self._actor, planned.role)
        if key is not None:
            headers["Idempotency-Key"] = key
        if prefer is not None:
            headers["Prefer"] = prefer
        attempt = Attempt(
            client=self.name,
            mark=mark,
            kind=planned.kind,
            role=planned.role,
            key=key,
            prefer=prefer,
            sent_at=now(),
            answered_at=0.0,
            status=None,
            body=None,
            exception=None,
        )
        try:
            response = requests.request(
                planned.method,
                self._url + planned.path,
                json=planned.json,
                data=planned.data,
                headers=headers,
                timeout=TIMEOUT_SEC,
            )
        except requests.RequestException as error:
            seen = replace(attempt, answered_at=now(), exception=type(error).__name__)
        else:
            seen = replace(attempt, answered_at=now(), status=response.status_code, body=_body_of(response))
        self._client_log.write(seen)
        self._state = seen.said.get("state", self._state)
        return seen


def _authorization(actor: str, role: str) -> dict[str, str]:
    token = {"operator": TOKENS[actor][1], "viewer": TOKENS["vera"][1]}.get(role, "nobody's token")
    return {"Authorization": f"Bearer {token}"}


def _is_answered(attempt: Attempt) -> bool:
    return attempt.status is not None and attempt.status < 500


def _body_of(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text[:500]
