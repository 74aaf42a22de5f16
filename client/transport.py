"""Requests that are repeated until there is an answer. A request that changes something has a key, so repeating it is safe."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping
from typing import Any

import requests
import urllib3

from client import errors
from client.errors import OutcomeUnknown, PitbossError, Unavailable

CONNECT_TIMEOUT_SEC = 3.0
#: Time-out for an answer that does not wait for an outcome.
READ_TIMEOUT_SEC = 10.0
#: How long a request is repeated before it is given up. A start that got no answer must not take effect unexpectedly later.
PATIENCE_SEC = 30.0
#: Waits between attempts, doubled from the first to the last.
FIRST_WAIT_SEC, LAST_WAIT_SEC = 0.25, 4.0

_COULD_NOT_CONNECT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


class Http:
    """One session with one Pitboss. Like the session itself it is for one thread."""

    def __init__(self, url: str, token: str, *, patience_sec: float = PATIENCE_SEC) -> None:
        self.root = url.rstrip("/").removesuffix("/api/bot")
        self.patience_sec = patience_sec
        self.session = requests.Session()
        self.session.headers.update({"Authorization": f"Bearer {token}", "User-Agent": "pitboss-client"})

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> bytes:
        """The body of an answer."""
        return self._until_answered("GET", path, params=params).content

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        key: str | None,
        wait_sec: float | None = None,
    ) -> requests.Response:
        """The answer to something that changes something.

        Args:
            method: of the request.
            path: below ``/api/bot``.
            body: what is not given is left out.
            key: the Idempotency-Key; one is made without it.
            wait_sec: how long Pitboss is to wait for the outcome.

        Raises:
            Refused: the answer is no.
            Unavailable: it was not accepted, and will not be.
            OutcomeUnknown: whether it was accepted is not known.
        """
        key = key or str(uuid.uuid4())
        headers = {"Idempotency-Key": key}
        if wait_sec is not None:
            headers["Prefer"] = f"wait={wait_sec:.0f}" if wait_sec >= 1 else "respond-async"
        json = {name: value for name, value in body.items() if value is not None}
        try:
            return self._until_answered(method, path, json=json, headers=headers, extra_sec=wait_sec or 0.0)
        except OutcomeUnknown as unknown:
            unknown.key = key
            raise

    def _until_answered(
        self, method: str, path: str, *, extra_sec: float = 0.0, **options: Any
    ) -> requests.Response:
        deadline = time.monotonic() + self.patience_sec
        was_perhaps_heard = False
        wait_sec = FIRST_WAIT_SEC
        while True:
            try:
                response = self.session.request(
                    method,
                    f"{self.root}/api/bot{path}",
                    timeout=(CONNECT_TIMEOUT_SEC, READ_TIMEOUT_SEC + extra_sec),
                    allow_redirects=False,
                    **options,
                )
                if response.ok and not response.is_redirect:
                    return response
                error = errors.of(response)
                was_perhaps_heard |= isinstance(error, OutcomeUnknown) or response.status_code in (502, 504)
            except requests.RequestException as trouble:
                if not isinstance(trouble, requests.ConnectionError | requests.Timeout | _BROKEN_OFF):
                    raise PitbossError(f"The request cannot be made: {trouble}") from None
                was_perhaps_heard |= not _never_left(trouble)
                error = Unavailable(f"Pitboss at {self.root} does not answer.")
            if not isinstance(error, Unavailable):
                raise error
            wait = max(wait_sec * random.uniform(0.8, 1.0), error.retry_after_sec)  # noqa: S311 - it spreads load
            if time.monotonic() + wait > deadline:
                raise self._given_up(error, is_known=method == "GET" or not was_perhaps_heard)
            time.sleep(wait)
            wait_sec = min(wait_sec * 2, LAST_WAIT_SEC)

    def _given_up(self, error: Unavailable, *, is_known: bool) -> Unavailable:
        if is_known or isinstance(error, OutcomeUnknown):
            return error
        return OutcomeUnknown(
            f"{error} Whether the request was accepted is not known: send it again with the same key, or look at the log.",
            code=error.code or "outcome_unknown",
            status=error.status,
            details=error.details,
        )


_BROKEN_OFF = requests.exceptions.ChunkedEncodingError


def _never_left(trouble: requests.RequestException) -> bool:
    """Whether there was no connection that the request could have gone through."""
    if isinstance(trouble, requests.ConnectTimeout):
        return True
    cause = trouble.args[0] if trouble.args else None
    return isinstance(getattr(cause, "reason", cause), _COULD_NOT_CONNECT)
