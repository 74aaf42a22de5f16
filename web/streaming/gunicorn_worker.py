"""gunicorn's threaded worker, which lets go of connections that were handed over (see ``web.streaming.detached_response``), waits for nobody
longer than it has to, and refuses what it cannot read as a request in the envelope of all errors."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections import deque
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker
from werkzeug.exceptions import RequestTimeout

from web.http import errors
from web.http.headers import ON_EVERYTHING
from web.streaming.detached_response import MARK, ConnectionDetached

#: A request has to arrive within this time once its first bytes have, and its answer has to be taken. gunicorn would
#: wait for ever, and so many clients as there are threads, none of which needs a token, could keep a kill out.
PATIENCE_SEC = 10.0
#: Time for a client to hang up after the end of its last answer.
FAREWELL_SEC = 2.0


def refuse(sock: socket.socket, status: int, reason: str, _message: str) -> None:
    """What gunicorn answers by itself: to an address that is too long, for one."""
    code, sentence = errors.sentence(status)
    body = json.dumps({"error": sentence, "code": code, "details": {}})
    headers = [("Connection", "close"), ("Content-Type", "application/json"), *ON_EVERYTHING]
    head = "".join(f"{name}: {value}\r\n" for name, value in [*headers, ("Content-Length", str(len(body)))])
    util.write_nonblock(sock, f"HTTP/1.1 {status} {reason}\r\n{head}\r\n{body}".encode())


util.write_error = refuse  # gunicorn has no setting for it


class Bounded(socket.socket):
    """A client's socket, from which a request can be read only until ``read_by``, however its bytes are spread out."""

    read_by: float | None = None

    def recv(self, *args: Any) -> bytes:
        if self.read_by is None:
            return super().recv(*args)
        self.settimeout(max(self.read_by - time.monotonic(), 0.001))
        try:
            return super().recv(*args)
        except TimeoutError:
            raise RequestTimeout() from None  # which the application answers, if the head was complete
        finally:
            self.settimeout(PATIENCE_SEC)


class StreamWorker(ThreadWorker):
    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaving: deque[Any] = deque()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        app = self.wsgi

        def marked(environ: dict[str, Any], start_response: Any) -> Any:
            environ[MARK] = True
            return app(environ, start_response)

        self.wsgi = marked

    # -- in a thread ------------------------------------------------------------------------------------------

    def handle(self, conn: Any) -> Any:
        if not isinstance(conn.sock, Bounded):
            conn.sock = Bounded(fileno=conn.sock.detach())
        conn.sock.read_by = time.monotonic() + PATIENCE_SEC
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> bool:
        conn.sock.settimeout(PATIENCE_SEC)
        try:
            answered: bool = super().handle_request(req, conn)
        except ConnectionDetached:
            conn.handed_over = True
            return False
        except TimeoutError:
            return False  # it did not take its answer
        conn.sock.read_by = None  # gunicorn bounds by itself what it reads of a body that nobody wanted
        return answered

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        if isinstance(exc, RequestTimeout):
            refuse(client, 408, "Request Timeout", "")
        else:
            super().handle_error(req, client, addr, exc)

    # -- in the main thread -----------------------------------------------------------------------------------

    def finish_request(self, conn: Any, fs: Any) -> None:
        if getattr(conn, "handed_over", False):
            self.nr_conns -= 1
            conn.close()  # this copy of the descriptor only: the connection lives on in the other one
        elif not fs.cancelled() and fs.exception() is None and fs.result() is False:
            self._see_off(conn)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        super().murder_pending()
        while self._leaving and self._leaving[0].timeout <= time.monotonic():
            self._forget(self._leaving[0])

    def _see_off(self, conn: Any) -> None:
        """Close *conn* once its client has: at once could cut the answer off. gunicorn waits for that right here, where
        a few clients that never hang up would hold up everybody."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._listen_to, conn))
        except (OSError, ValueError):
            self.nr_conns -= 1
            conn.close()
            return
        conn.timeout = time.monotonic() + FAREWELL_SEC
        conn.sock.read_by = None
        self._leaving.append(conn)

    def _listen_to(self, conn: Any, _fileobj: Any) -> None:
        try:
            gone = not conn.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self._forget(conn)

    def _forget(self, conn: Any) -> None:
        self._leaving.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
