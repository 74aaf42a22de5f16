"""Writes to many open sockets from one thread, so that an open stream costs no thread and a slow reader delays nobody."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

#: A client that reads nothing for this long is dropped, in seconds.
STUCK_SEC = 30.0
#: Longest time between two checks of what is due, in seconds.
TICK_SEC = 1.0
#: The kernel buffers this much for a client that does not read, in bytes.
SEND_BUFFER = 64 * 1024

log = logging.getLogger(__name__)


class Streams:
    """The sockets of all open streams. ``add`` and ``send`` may be called by any thread and never wait."""

    def __init__(self) -> None:
        self._clients: dict[int, _Client] = {}
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._count = 0
        self._closing = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End all streams, and the thread within 2 s; whatever is asked afterwards is passed over."""
        self._closing = True
        self._interrupt()
        self._thread.join(2)

    @property
    def count(self) -> int:
        """Streams that are open."""
        return self._count

    def add(
        self,
        sock: socket.socket,
        head: bytes,
        ends_at: float | None,
        ended: Callable[[], None] = lambda: None,
        owner: Any = None,
    ) -> None:
        """Take over *sock*: write *head*, then whatever is sent, until it closes or ``time.time()`` reaches *ends_at*; then call
        *ended*. *owner* is passed to the function given to ``keep``."""
        self._count_one(+1)
        self._order(lambda: self._add(_Client(sock, head, ends_at, ended, owner)))

    def send(self, data: bytes, *, only_new: bool = False, skippable: bool = False) -> None:
        """Write *data* to every stream, or with *only_new* to those that were sent nothing since they were added.

        A client that has not yet read the previous data gets only the latest *data* afterwards, without those in between;
        *skippable* data are skipped at once.
        """
        self._order(lambda: self._send(data, only_new, skippable))

    def keep(self, admits: Callable[[Any], bool]) -> None:
        """End every stream whose owner *admits* rejects; a stream without an owner continues."""
        self._order(lambda: self._keep(admits))

    def _count_one(self, step: int) -> None:
        with self._lock:
            self._count += step

    def _order(self, order: Callable[[], None]) -> None:
        if not self._closing:
            self._orders.put(order)
            self._interrupt()

    def _interrupt(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b".")

    # -- in the thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        look_at = 0.0
        while not self._closing:
            try:
                # nobody's time runs out while nobody listens; an order wakes it
                for key, events in self._selector.select(TICK_SEC if self._clients else None):
                    if key.data is None:
                        self._obey()
                    else:
                        self._serve(key.data, events)
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + TICK_SEC
                    self._end_overdue()
            except Exception:
                log.exception("a stream failed and the others go on")
        for client in list(self._clients.values()):
            self._drop(client)
        self._selector.close()
        for end in (self._woken, self._wake):
            os.close(end)

    def _obey(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._woken, 4096):
                pass
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            order()

    def _add(self, client: _Client) -> None:
        try:
            client.sock.setblocking(False)
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self._selector.register(client.sock, selectors.EVENT_READ, client)
        except (OSError, ValueError):
            self._close(client)
            return
        self._clients[client.sock.fileno()] = client
        self._flush(client)

    def _send(self, data: bytes, only_new: bool, skippable: bool) -> None:
        for client in list(self._clients.values()):
            if only_new and not client.is_new:
                continue
            if not skippable:
                client.is_new = False
            if not client.buffer:
                client.buffer = data
                client.took_at = time.monotonic()
                self._flush(client)
            elif not skippable:
                client.next = data

    def _keep(self, admits: Callable[[Any], bool]) -> None:
        for client in list(self._clients.values()):
            if client.owner is not None and not admits(client.owner):
                self._drop(client)

    def _serve(self, client: _Client, events: int) -> None:
        if events & selectors.EVENT_READ:
            try:
                # a stream's client has nothing more to send; no bytes mean that it has disconnected
                if not client.sock.recv(4096):
                    self._drop(client)
                    return
            except BlockingIOError:
                pass
            except OSError:
                self._drop(client)
                return
        if events & selectors.EVENT_WRITE:
            self._flush(client)

    def _flush(self, client: _Client) -> None:
        try:
            while client.buffer:
                sent = client.sock.send(client.buffer)
                client.took_at = time.monotonic()
                client.buffer = client.buffer[sent:]
                if not client.buffer:
                    client.buffer, client.next = client.next, b""
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.buffer else 0)
        if wanted != client.wanted:
            client.wanted = wanted
            self._selector.modify(client.sock, wanted, client)

    def _end_overdue(self) -> None:
        now = time.time()
        stuck_since = time.monotonic() - STUCK_SEC
        for client in list(self._clients.values()):
            over = client.ends_at is not None and now >= client.ends_at
            if over or (client.buffer and client.took_at < stuck_since):
                self._drop(client)

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.sock.fileno(), None) is None:
            return
        self._selector.unregister(client.sock)
        self._close(client)

    def _close(self, client: _Client) -> None:
        client.sock.close()
        self._count_one(-1)
        client.ended()


class _Client:
    __slots__ = ("buffer", "ended", "ends_at", "is_new", "next", "owner", "sock", "took_at", "wanted")

    def __init__(
        self,
        sock: socket.socket,
        head: bytes,
        ends_at: float | None,
        ended: Callable[[], None],
        owner: Any,
    ) -> None:
        self.sock = sock
        self.ends_at = ends_at
        self.ended = ended
        self.owner = owner
        self.buffer = head  # to be written now
        self.next = b""  # to be written next
        self.is_new = True
        self.took_at = time.monotonic()
        self.wanted = selectors.EVENT_READ
