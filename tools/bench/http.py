"""A client that costs next to nothing: bytes into a socket, bytes out of it.

Both sides are asked by the same client, over one connection that stays open. A library's client would take as long for a
request as the server does.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from launcher import ports
from tools.bench.errors import BenchError

TIMEOUT_SEC = 20.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def compose(
    method: str, path: str, *, token: str | None = None, scheme: str = "Bearer", body: Any = None
) -> bytes:
    """A request, ready to be sent as often as it is needed."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = {"Host": ports.LOOPBACK, "Content-Length": str(len(content))}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["Authorization"] = f"{scheme} {token}"
    return _head(f"{method} {path} HTTP/1.1", headers) + content


def _head(first: str, headers: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + _END_OF_HEAD


class Connection:
    """One connection to a server on loopback; use it as a context."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((ports.LOOPBACK, port), timeout=TIMEOUT_SEC)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> Answer:
        """Send what ``compose`` made, and read the answer to its end.

        Raises:
            OSError: the connection broke. BenchError: the answer's length is not announced.
        """
        self._socket.sendall(request)
        received = self._receive()
        while (end := received.find(_END_OF_HEAD)) < 0:
            received += self._receive()
        head = received[: end + 2].lower()
        at = head.find(_LENGTH)
        if at < 0:
            raise BenchError(f"The answer has no Content-Length: {head.decode('latin-1')}")
        at += len(_LENGTH)
        length = int(head[at : head.index(b"\r", at)])
        body = received[end + len(_END_OF_HEAD) :]
        while len(body) < length:
            body += self._receive()
        return Answer(int(head[9:12]), body)

    def _receive(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        return data
