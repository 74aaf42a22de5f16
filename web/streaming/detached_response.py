"""A response that is detached from gunicorn: its socket is handed to a thread that serves many, which frees the request's thread.

gunicorn has few threads and a stream lasts all day: 200 streams would leave no thread for a kill. So the response writes
nothing itself, copies the socket's descriptor, and tells ``web.streaming.gunicorn_worker`` by an exception to forget the connection without
shutting it down. Under any other server the response is an ordinary iterator, which holds a thread.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import Any

from flask import Response

#: Set in the WSGI environment by a server that can let go of a connection.
MARK = "pitboss.can_hand_over"

#: Takes the socket and the first bytes to write to it.
Taker = Callable[[socket.socket, bytes], None]


class ConnectionDetached(Exception):
    """The connection was handed over to another thread; gunicorn must not close it."""


class StreamResponse(Response):
    """An endless answer, which *take* writes."""

    def __init__(self, take: Taker, **kwargs: Any) -> None:
        super().__init__(iter(()), **kwargs)
        self.take = take

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        sock = environ.get("gunicorn.socket")
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        if environ.get(MARK) and isinstance(sock, socket.socket) and not isinstance(sock, ssl.SSLSocket):
            self.take(socket.socket(fileno=os.dup(sock.fileno())), self._head(environ))
            raise ConnectionDetached()
        ours, theirs = socket.socketpair()
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        self.take(theirs, b"")
        return _Received(ours)

    def _head(self, environ: Any) -> bytes:
        headers = self.get_wsgi_headers(environ).to_wsgi_list()
        lines = [f"HTTP/1.1 {self.status}", f"Date: {formatdate(usegmt=True)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _Received(Iterator[bytes]):
    """Collects what is written to the other end of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __next__(self) -> bytes:
        data = self._sock.recv(65536)
        if not data:
            raise StopIteration
        return data

    def close(self) -> None:
        self._sock.close()
