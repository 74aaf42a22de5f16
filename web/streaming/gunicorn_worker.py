"""gunicorn's threaded worker, whose threads never wait for a client to send.

The main thread reads requests from all clients at once, and hands each to a thread when it is complete. Kill, stop and pause
have threads of their own. Connections that were handed over (``web.streaming.detached_response``) are let go, and what
cannot be read as a request is rejected in the envelope of all errors.
"""

from __future__ import annotations

import errno
import json
import selectors
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.exceptions import RequestTimeout

from web.http import errors
from web.http.headers import ON_EVERYTHING
from web.streaming.arriving_request import ArrivingRequest, Rejected
from web.streaming.detached_response import MARK, ConnectionDetached

#: A request has to arrive within this time, however slowly, and its answer has to be read within it, in seconds.
PATIENCE_SEC = 10.0
#: The most connections of one process whose request is arriving; beyond that the oldest is ended.
MOST_ARRIVING = 400
#: If one process has more connections than this, idle ones are closed early.
MOST_CONNECTIONS = 800
#: Threads of one process that serve only kill, stop and pause.
LANE_THREADS = 8
#: Time for a client to hang up after the end of its last answer.
FAREWELL_SEC = 2.0


def reject(sock: socket.socket, status: int, reason: str, _message: str) -> None:
    """Write the answer that gunicorn gives itself, for example to an address that is too long."""
    code, sentence = errors.sentence(status)
    body = json.dumps({"error": sentence, "code": code, "details": {}})
    headers = [("Connection", "close"), ("Content-Type", "application/json"), *ON_EVERYTHING]
    head = "".join(f"{name}: {value}\r\n" for name, value in [*headers, ("Content-Length", str(len(body)))])
    reason = reason or HTTPStatus(status).phrase
    util.write_nonblock(sock, f"HTTP/1.1 {status} {reason}\r\n{head}\r\n{body}".encode())


util.write_error = reject  # gunicorn has no setting for it


class ClientSocket(socket.socket):
    """A client's socket. What was read of the request comes first; what is missing, if anything is, only until ``read_by``.

    The head of an answer leaves together with the body that follows it: a process that is killed between the two would leave half an
    answer, which a proxy hands on, where it asks the next process if there is none.
    """

    read_by: float | None = None
    received = b""
    #: Whether the next that is sent is the head of an answer, and the head that waits for its body.
    is_at_head = False
    _head = b""

    def sendall(self, data: Any, *flags: int) -> None:
        if self.is_at_head:
            self.is_at_head, self._head = False, bytes(data)
            return
        head, self._head = self._head, b""
        super().sendall(head + data if head else data, *flags)

    def sendfile(self, *args: Any, **kwargs: Any) -> int:
        self.flush()
        return super().sendfile(*args, **kwargs)

    def flush(self) -> None:
        """Send a head that has no body."""
        self.is_at_head = False
        if self._head:
            self.sendall(b"")

    def drop(self) -> None:
        """Forget the head: its answer could not be completed."""
        self.is_at_head, self._head = False, b""

    def recv(self, *args: Any) -> bytes:
        if self.received:
            size = args[0]
            data, self.received = self.received[:size], self.received[size:]
            return data
        if self.read_by is None:
            return super().recv(*args)
        self.settimeout(max(self.read_by - time.monotonic(), 0.001))
        try:
            return super().recv(*args)
        except TimeoutError:
            raise RequestTimeout() from None  # which the application answers, if the head was complete
        finally:
            self.settimeout(PATIENCE_SEC)

    def receive(self) -> bytes:
        """The bytes that have arrived, without waiting."""
        return super().recv(65536)


class StreamWorker(ThreadWorker):
    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaving: deque[Any] = deque()
        #: Connections whose request is arriving, the one that began first in front.
        self._arriving: dict[Any, ArrivingRequest] = {}
        self._lane = ThreadPoolExecutor(LANE_THREADS, thread_name_prefix="lane")

    def load_wsgi(self) -> None:
        super().load_wsgi()
        app = self.wsgi

        def marked(environ: dict[str, Any], start_response: Any) -> Any:
            environ[MARK] = True
            return app(environ, start_response)

        self.wsgi = marked

    # -- in a thread ------------------------------------------------------------------------------------------

    def handle(self, conn: Any) -> Any:
        conn.sock.read_by = time.monotonic() + PATIENCE_SEC
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> bool:
        conn.sock.settimeout(PATIENCE_SEC)
        conn.sock.is_at_head = True
        try:
            answered: bool = super().handle_request(req, conn)
            conn.sock.flush()
        except ConnectionDetached:
            conn.handed_over = True
            return False
        except TimeoutError:
            return False  # it did not take its answer
        finally:
            conn.sock.drop()
        conn.sock.read_by = None  # gunicorn bounds by itself what it reads of a body that no view has read
        return answered

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        if isinstance(exc, RequestTimeout):
            reject(client, 408, "Request Timeout", "")
        else:
            super().handle_error(req, client, addr, exc)

    # -- in the main thread -----------------------------------------------------------------------------------

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._lane.shutdown(wait=False)

    def accept(self, listener: Any) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        self._await_request(
            TConn(self.cfg, ClientSocket(fileno=sock.detach()), address, listener.getsockname())
        )

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """A connection that was kept open sends its next request."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_request(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        if getattr(conn, "handed_over", False):
            self.nr_conns -= 1
            conn.close()  # this copy of the descriptor only: the connection lives on in the other one
        elif not fs.cancelled() and fs.exception() is None and fs.result() is False:
            self._see_off(conn)
        elif rest := getattr(conn, "sent_behind", b""):
            self._await_request(conn, rest)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        super().murder_pending()
        now = time.monotonic()
        while self._leaving and self._leaving[0].timeout <= now:
            self._forget(self._leaving[0])
        while self._arriving and (conn := next(iter(self._arriving))).timeout <= now:
            self._give_up(conn)
        while self.nr_conns > MOST_CONNECTIONS and self.keepalived_conns:
            self.keepalived_conns[0].timeout = now
            self.murder_keepalived()

    def _await_request(self, conn: Any, first: bytes = b"") -> None:
        """Have a thread handle the connection's next request, of which *first* is here, once all of it is."""
        if len(self._arriving) >= MOST_ARRIVING:
            self._give_up(next(iter(self._arriving)))
        conn.timeout = time.monotonic() + PATIENCE_SEC
        conn.sock.setblocking(False)
        self._arriving[conn] = ArrivingRequest(first)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))
        if first:
            self._look(conn)

    def _receive(self, conn: Any, _fileobj: Any) -> None:
        try:
            data = conn.sock.receive()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._stop_waiting(conn)
            self.nr_conns -= 1
            conn.close()
            return
        self._arriving[conn].add(data)
        self._look(conn)

    def _look(self, conn: Any) -> None:
        """Hand the request to a thread if it is complete."""
        request = self._arriving[conn]
        try:
            is_complete = request.is_complete()
        except Rejected as rejected:
            self._turn_away(conn, rejected.status)
            return
        if is_complete:
            self._stop_waiting(conn)
            conn.sock.received, conn.sent_behind = request.take()
            conn.data_ready = True
            pool = self._lane if request.is_urgent else self.tpool
            done = pool.submit(self.handle, conn)
            done.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
        elif request.expects_word:
            request.expects_word = False
            with suppress(OSError):
                util.write_nonblock(conn.sock, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _stop_waiting(self, conn: Any) -> None:
        del self._arriving[conn]
        self.poller.unregister(conn.sock)

    def _give_up(self, conn: Any) -> None:
        """End a connection whose request does not arrive in time."""
        if self._arriving[conn].has_begun:
            self._turn_away(conn, 408)
        else:
            self._stop_waiting(conn)
            self.nr_conns -= 1
            conn.close()

    def _turn_away(self, conn: Any, status: int) -> None:
        self._stop_waiting(conn)
        with suppress(OSError):
            reject(conn.sock, status, "", "")
        self._see_off(conn)

    def _see_off(self, conn: Any) -> None:
        """Close *conn* once its client has: closing it at once could cut the answer off. gunicorn would wait for this in the main
        thread, where a few clients that never close would block everybody."""
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
            gone = not conn.sock.receive()
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
