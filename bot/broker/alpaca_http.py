"""How Alpaca is called: its address and keys, time-outs, and what its statuses mean.

The paths of its API and the meaning of its answers are in ``bot.broker.alpaca``.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

import requests
import urllib3
from requests.adapters import HTTPAdapter

from bot.errors import (
    BrokerError,
    BrokerFailed,
    BrokerGarbled,
    BrokerNotFound,
    BrokerRateLimited,
    BrokerTimeout,
    BrokerUnauthorized,
    BrokerUnreachable,
)
from bot.settings.types import AlpacaAccess

CONNECT_TIMEOUT_SEC = 2.0
READ_TIMEOUT_SEC = 4.0
#: An answer larger than this is not read to its end, in bytes.
MAX_BODY = 256 * 1024 * 1024
#: A server's word about when to come back is believed up to this many seconds.
MAX_RETRY_AFTER_SEC = 60.0


class AlpacaHttp:
    """Calls to one account of Alpaca, for as long as *budget_sec* seconds from its making: none outlasts that by much.

    Use it as a context: leaving it ends every call that is still under way, in whatever thread.
    """

    def __init__(self, access: AlpacaAccess, *, budget_sec: float = 10.0) -> None:
        self._access = access
        self._deadline = time.monotonic() + budget_sec
        self._adapter = _Adapter()
        self._http = requests.Session()
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

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON of an answer."""
        try:
            return json.loads(self.read(path, params))
        except (ValueError, RecursionError):
            raise BrokerGarbled(f"Alpaca's answer to {self._named(path)} is not JSON.") from None

    def read(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200.

        Raises:
            BrokerError: anything else came, or nothing in time.
        """
        what = self._named(path)
        try:
            response = self._http.get(
                self._access.url + path,
                params=params,
                timeout=(min(CONNECT_TIMEOUT_SEC, self._left(what)), min(READ_TIMEOUT_SEC, self._left(what))),
                stream=True,
                allow_redirects=False,  # the keys are for this address only
            )
            with response:
                body = self._body(response, what)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise BrokerTimeout(f"Alpaca did not answer {what} in time.") from None
        except requests.ConnectionError:
            raise BrokerUnreachable(f"Alpaca could not be reached for {what}.") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise BrokerGarbled(f"Alpaca's answer to {what} broke off.") from None
        _check_status(response, body, what)
        return body

    def _named(self, path: str) -> str:
        return f"GET {path} ({self._access.mode})"

    def _body(self, response: requests.Response, what: str) -> bytes:
        # requests' time-out starts anew with every byte, so a body that drips would never end
        body = bytearray()
        while chunk := response.raw.read1(1 << 20, decode_content=True):
            body += chunk
            self._left(what)
            if len(body) > MAX_BODY:
                raise BrokerGarbled(f"Alpaca's answer to {what} is larger than {MAX_BODY} bytes.")
        return bytes(body)

    def _left(self, what: str) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BrokerTimeout(f"Alpaca did not answer {what} in time.")
        return left


def _check_status(response: requests.Response, body: bytes, what: str) -> None:
    status = response.status_code
    if status == 200:
        return
    error: BrokerError
    if status in (401, 403):
        error = BrokerUnauthorized(f"Alpaca refused the API keys with {status} on {what}.")
    elif status == 404 and _is_alpacas_own(body):
        error = BrokerNotFound(f"Alpaca does not know what {what} asks for.")
    elif status == 404:
        error = BrokerFailed(f"Alpaca answered {what} with a 404 that is not its own.")
    elif status == 429:
        error = BrokerRateLimited(f"Alpaca's limit of requests is used up (429 on {what}).")
        error.retry_after_sec = _retry_after(response.headers)
    else:
        error = BrokerFailed(f"Alpaca answered {what} with {status}.")
        error.retry_after_sec = _retry_after(response.headers)
    raise error


def _is_alpacas_own(body: bytes) -> bool:
    """Whether a 404 says that a thing does not exist, with code 40410000; some proxy's page says no such thing."""
    try:
        error = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(error, dict) and error.get("code") == 40410000


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


class _Adapter(HTTPAdapter):
    """Knows its connections, so that a call that hangs in one can be ended from another thread: a server that sends
    its headers a byte at a time is stopped by no time-out."""

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
