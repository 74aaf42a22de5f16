"""HTTP calls to Alpaca: its address and keys, time-outs, its rate limit, and the meaning of its statuses.

The paths of its API are in ``bot.broker.alpaca``, the meaning of its answers in ``bot.broker.alpaca_parsing``.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Self

import requests
import urllib3
from requests.adapters import HTTPAdapter

from bot.broker.errors import (
    BrokerError,
    BrokerFailed,
    BrokerGarbled,
    BrokerNotFound,
    BrokerRateLimited,
    BrokerRefused,
    BrokerTimeout,
    BrokerUnauthorized,
    BrokerUnreachable,
    RequestsUsedUp,
)
from bot.broker.time_limits import CONNECT_TIMEOUT_SEC, READ_TIMEOUT_SEC
from bot.settings.alpaca_settings import AlpacaAccess

#: The largest list that is read, in bytes. 100,000 positions are about 60 MB.
MAX_BODY = 256 * 1024 * 1024
#: The same for every other answer: a page of 500 orders is about 1 MB.
MAX_PAGE = 16 * 1024 * 1024
#: The longest wait that a server may ask for, in seconds; a longer one is cut to it.
MAX_RETRY_AFTER_SEC = 60.0
#: How much of Alpaca's own error message is passed on, in characters.
MAX_MESSAGE = 300


@dataclass(frozen=True)
class Objection:
    """Alpaca's error object: ``{"code": 40410000, "message": "order not found"}``."""

    status: int
    #: Alpaca's own number; None if its gateway or another server answered.
    code: int | None
    message: str

    @classmethod
    def of(cls, status: int, body: bytes) -> Objection:
        """The object in the *body* of an error with this *status*; empty if it is not Alpaca's JSON."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            return cls(status, None, "")
        code, message = said.get("code"), said.get("message")
        text = "".join(c for c in message if c.isprintable()) if isinstance(message, str) else ""
        return cls(status, code if type(code) is int else None, text[:MAX_MESSAGE])

    def says(self, words: str) -> bool:
        """Whether this is a 404 whose message begins with *words*: one code stands for an order that was not found, a
        position that does not exist, and a path that Alpaca does not serve."""
        return self.status == 404 and self.code == 40410000 and self.message.lower().startswith(words)


def is_no_order(said: Objection) -> bool:
    """Whether *said* means that there is no such order."""
    return said.says("order not found")


def is_no_asset(said: Objection) -> bool:
    """Whether *said* means that there is no such asset."""
    return said.says("asset not found")


#: Whether an answer says that the requested object does not exist.
Absent = Callable[[Objection], bool]


class AlpacaHttp:
    """Calls to one account at Alpaca. They end within about *budget_sec* seconds after this object was made. At most
    *most_requests* are made; the next one raises RequestsUsedUp.

    Use it as a context manager: leaving it ends every call that is still under way, in any thread.
    """

    def __init__(
        self, access: AlpacaAccess, *, budget_sec: float = 10.0, most_requests: int | None = None
    ) -> None:
        #: HTTP requests made so far, including failed ones.
        self.requests = 0
        #: Requests that Alpaca's limit still allows to all programs of the account; None until an answer says so.
        self.remaining: int | None = None
        #: Seconds to wait because no requests remain; None while some remain.
        self.retry_after_sec: float | None = None
        self._most_requests = most_requests
        self._access = access
        self._deadline = time.monotonic() + budget_sec
        self._adapter = _Adapter()
        self._http = _Session()
        self._http.mount(access.url, self._adapter)
        self._http.headers.update(
            {"APCA-API-KEY-ID": access.key, "APCA-API-SECRET-KEY": access.secret.get_secret_value()}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._deadline = 0.0
        self._adapter.hang_up()
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, absent: Absent | None = None) -> Any:
        """The JSON of an answer.

        Raises:
            BrokerNotFound: *absent* is true of the answer.
            BrokerError: there was any other answer, or none in time.
        """
        return as_json(self.read(path, params, most=MAX_PAGE, absent=absent), self._named("GET", path))

    def read(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        most: int | None = None,
        absent: Absent | None = None,
    ) -> bytes:
        """The body of a 200, of up to *most* bytes (MAX_BODY unless given). Raises as ``get`` does."""
        limit = MAX_BODY if most is None else min(most, MAX_BODY)
        return self._send("GET", path, params, most=limit, absent=absent)

    def write(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        absent: Absent | None = None,
    ) -> Any:
        """The JSON of the answer to a request that changes the account; None if it has no content (204).

        Raises:
            BrokerRefused: Alpaca understood it and will not do it. Nothing was changed.
            BrokerNotFound: *absent* is true of the answer.
            BrokerError: it is not known whether it was done.
        """
        content = self._send(method, path, params, body=body, most=MAX_PAGE, absent=absent)
        return as_json(content, self._named(method, path)) if content else None

    def _named(self, method: str, path: str) -> str:
        return f"{method} {path} ({self._access.mode})"

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        *,
        most: int,
        body: Mapping[str, Any] | None = None,
        absent: Absent | None = None,
    ) -> bytes:
        what = self._named(method, path)
        left = self._left(what)
        if self._most_requests is not None and self.requests >= self._most_requests:
            raise RequestsUsedUp(
                f"Pitboss makes no more requests of Alpaca in this minute: {what} would be one too many."
            )
        self.requests += 1
        try:
            response = self._http.request(
                method,
                self._access.url + path,
                params=params,
                json=body,
                timeout=(min(CONNECT_TIMEOUT_SEC, left), min(READ_TIMEOUT_SEC, left)),
                stream=True,
                allow_redirects=False,  # the keys are for this address only
            )
            with response:
                content = self._body(response, what, most)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise BrokerTimeout(f"Alpaca did not answer {what} in time.") from None
        except requests.ConnectionError:
            raise BrokerUnreachable(f"Alpaca could not be reached for {what}.") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError):
            raise BrokerGarbled(f"Alpaca's answer to {what} broke off.") from None
        self._note_limit(response)
        status = response.status_code
        if status == 200 or (method != "GET" and status in (204, 207)):
            return content
        error = _error(Objection.of(status, content), what, is_write=method != "GET", absent=absent)
        error.retry_after_sec = self.retry_after_sec
        raise error

    def _note_limit(self, response: requests.Response) -> None:
        """Store Alpaca's limit from the headers. The reset time is in every answer, and matters if no requests remain."""
        said = response.headers.get("X-RateLimit-Remaining", "")
        if said.isascii() and said.isdigit() and len(said) < 10:
            self.remaining = int(said)
        used_up = response.status_code == 429 or (response.status_code == 200 and self.remaining == 0)
        self.retry_after_sec = _retry_after(response.headers) if used_up else None

    def _body(self, response: requests.Response, what: str, most: int) -> bytes:
        # the time-out of requests starts again with every byte, so a body that arrives byte by byte would never end
        body = bytearray()
        while chunk := response.raw.read1(1 << 20, decode_content=True):
            body += chunk
            self._left(what)
            if len(body) > most:
                raise BrokerGarbled(f"Alpaca's answer to {what} is larger than {most} bytes.")
        return bytes(body)

    def _left(self, what: str) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BrokerTimeout(f"Alpaca did not answer {what} in time.")
        return left


def as_json(body: bytes, what: str) -> Any:
    """The JSON of the answer to *what*."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BrokerGarbled(f"Alpaca's answer to {what} is not JSON.") from None


def _error(said: Objection, what: str, *, is_write: bool, absent: Absent | None) -> BrokerError:
    if absent is not None and absent(said):
        return BrokerNotFound(f"Alpaca does not know what {what} asks for.")
    if is_write and ((said.status == 403 and said.code == 40310000) or said.status == 422):
        reason = said.message.rstrip(". ") or f"status {said.status}"
        return BrokerRefused(f"Alpaca rejected {what}: {reason}.", details={"code": said.code})
    if said.status in (401, 403):
        return BrokerUnauthorized(f"Alpaca rejected the API keys with {said.status} on {what}.")
    if said.status == 404:
        return BrokerFailed(f"Alpaca answered {what} with a 404 that does not say what is missing.")
    if said.status == 429:
        return BrokerRateLimited(f"Alpaca's limit of requests is used up (429 on {what}).")
    return BrokerFailed(f"Alpaca answered {what} with {said.status}.")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until Alpaca wants to be asked again: ``Retry-After``, or ``X-RateLimit-Reset`` (epoch seconds)."""
    for name, since in (("Retry-After", 0.0), ("X-RateLimit-Reset", time.time())):
        try:
            wait = float(headers[name]) - since
        except (KeyError, ValueError):
            continue
        if wait == wait:  # a NaN is not
            return min(max(wait, 0.0), MAX_RETRY_AFTER_SEC)
    return None


class _Session(requests.Session):
    """Does not follow redirects: requests would read the body to its end first, and parse the target."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Adapter(HTTPAdapter):
    """Knows its connections, so that another thread can end a call that hangs: no time-out applies to a server that sends its
    headers byte by byte."""

    def __init__(self) -> None:
        self._connections: list[Any] = []
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        connect = type(pool).ConnectionCls

        def keep(*args: Any, **kwargs: Any) -> Any:
            connection = connect(*args, **kwargs)
            self._connections.append(connection)
            return connection

        pool.ConnectionCls = keep
        return pool

    def hang_up(self) -> None:
        for connection in self._connections:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
