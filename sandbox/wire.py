"""The WSGI layer between the API and its client, which plays the faults.

Faults that change the right answer (slow, drip, truncated, malformed_row, not_a_list, empty, shorter) or lose it
(lost_answer) carry the request out, faults that replace it (timeout, refuse, error statuses, html, empty_body)
do not.
"""

from __future__ import annotations

import json
import math
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from sandbox.calls import Calls
from sandbox.faults import STATUSES, Fault, Faults
from sandbox.rate_limit import headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PAGE = "<html>\n<head><title>Welcome</title></head>\n<body><center><h1>nginx</h1></center></body>\n</html>\n"
_POLL_SEC = 0.05


class Wire:
    """Notes every call to the trading API and plays the fault that it meets.

    ``closing`` cuts all waiting short; ``idle`` waits until no request is being served.
    """

    def __init__(self, app: WSGIApplication, faults: Faults, calls: Calls) -> None:
        self._app = app
        self._faults = faults
        self._calls = calls
        self._serving = 0
        self._changed = threading.Condition()
        self.closing = threading.Event()

    def idle(self, within: float) -> bool:
        """Wait at most ``within`` seconds until no request is being served; whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: self._serving == 0, within)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._count(1)
        try:
            answer = self._answer(environ)(environ, start_response)
        except BaseException:
            self._count(-1)
            raise
        return ClosingIterator(answer, [lambda: self._count(-1)])

    def _count(self, by: int) -> None:
        with self._changed:
            self._serving += by
            self._changed.notify_all()

    def _answer(self, environ: WSGIEnvironment) -> WSGIApplication:
        request = Request(environ, populate_request=False)
        if not request.path.startswith("/v2"):
            return self._app
        key = request.headers.get("APCA-API-KEY-ID")
        fault = self._faults.strike(request.method, request.path, key)
        self._calls.add(
            method=request.method,
            path=request.path,
            query=request.query_string.decode("latin-1"),
            key=key,
            fault=None if fault is None else fault.kind,
        )
        return self._app if fault is None else self._play(fault, request)

    def _play(self, fault: Fault, request: Request) -> Response:
        if fault.kind in ("timeout", "refuse", "html", "empty_body", *STATUSES):
            # Closing over unread input would reset the connection and may swallow the answer.
            request.get_data(cache=False)
        match fault.kind:
            case "timeout":
                self._wait(fault.delay, request)
                _hang_up(request)
            case "refuse":
                _hang_up(request)
            case "html":
                return Response(_PAGE, mimetype="text/html")
            case "empty_body":
                return Response(b"", mimetype="application/json")
            case kind if kind in STATUSES:
                return _refusal(fault)
            case "slow":
                self._wait(fault.delay, request)
        real = Response.from_app(self._app, request.environ, buffered=True)
        match fault.kind:
            case "lost_answer":
                self._wait(fault.delay, request)
                _hang_up(request)
            case "drip":
                body = real.get_data()
                return _resent(real, self._drip(body, fault.delay, request), length=len(body))
            case "truncated":
                body = real.get_data()
                return _resent(real, [body[: len(body) // 2]], length=len(body))
            case "malformed_row" | "not_a_list" | "empty" | "shorter":
                spoilt = json.dumps(_SPOIL[fault.kind](real.get_json(silent=True), fault)).encode()
                return _resent(
                    real, [spoilt], length=len(spoilt), status=200 if fault.kind == "empty" else None
                )
        return real

    def _drip(self, body: bytes, pause: float, request: Request) -> Iterator[bytes]:
        for at in range(len(body)):
            yield body[at : at + 1]
            self._wait(pause, request)

    def _wait(self, seconds: float, request: Request) -> None:
        """Wait, and hang up early if the client is gone or the server closes: no thread outlives its use."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.closing.wait(min(left, _POLL_SEC)) or _client_is_gone(request):
                _hang_up(request)


def _socket(request: Request) -> socket.socket | None:
    found = request.environ.get("werkzeug.socket")
    return found if isinstance(found, socket.socket) else None


def _client_is_gone(request: Request) -> bool:
    connection = _socket(request)
    if connection is None:
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _hang_up(request: Request) -> NoReturn:
    """Close the connection under the server, which takes the exception for a client that went away."""
    connection = _socket(request)
    if connection is not None:
        with suppress(OSError):  # it was gone already
            connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("the sandbox hung up, as it was asked to")


def _refusal(fault: Fault) -> Response:
    status = int(fault.kind)
    # Only the rate limit has a code: the rest are answers of Alpaca's gateway, which sends none.
    code = {"code": 42910000} if status == 429 else {}
    response = Response(
        json.dumps({**code, "message": STATUSES[fault.kind]}), status, mimetype="application/json"
    )
    if status == 429:
        response.headers.update(headers(left=0, resets_at=time.time() + fault.reset_after))
    if status in (429, 503) and fault.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(fault.retry_after))
    return response


def _resent(real: Response, body: Iterable[bytes], *, length: int, status: int | None = None) -> Response:
    """The same answer with another body, announced as ``length`` bytes long."""
    response = Response(body, status or real.status_code, real.headers, direct_passthrough=True)
    response.headers["Content-Length"] = str(length)
    return response


def _malformed_row(content: Any, fault: Fault) -> Any:
    if isinstance(content, list):
        rows = content or [{"symbol": "AAPL", "qty": "1", "side": "long", "status": "new"}]
        return [*rows[:-1], _spoilt(rows[-1], fault)]
    return _spoilt(content, fault)


def _spoilt(row: Any, fault: Fault) -> Any:
    if not isinstance(row, dict):
        return None
    if "account_number" in row:
        return {name: value for name, value in row.items() if name != "id"}
    kept = {name: value for name, value in row.items() if name not in ("qty", "status")}
    return kept if fault.missing else {**kept, "qty": "ten"}


def _not_a_list(content: Any, _: Fault) -> Any:
    return {"items": content} if isinstance(content, list) else [content]


def _empty(content: Any, _: Fault) -> Any:
    return {} if isinstance(content, dict) else []


def _shorter(content: Any, fault: Fault) -> Any:
    return content[: max(0, len(content) - fault.rows)] if isinstance(content, list) else content


_SPOIL: dict[str, Callable[[Any, Fault], Any]] = {
    "malformed_row": _malformed_row,
    "not_a_list": _not_a_list,
    "empty": _empty,
    "shorter": _shorter,
}
