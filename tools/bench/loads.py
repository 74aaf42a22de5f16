"""Clients that keep a server busy with everything but kills, in a process of their own, as long as the context."""

from __future__ import annotations

import multiprocessing
import selectors
import signal
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

from launcher import ports
from tools.bench.errors import BenchError
from tools.bench.http import Connection

#: A client that was answered at once asks again after this time, in seconds.
PAUSE_SEC = 0.2


class Load:
    """*count* clients of one server that send *request* again and again. *partly* ones send it without its last byte and wait
    for what comes; they begin anew when they are hung up on."""

    def __init__(self, port: int, request: bytes, count: int, *, partly: bool = False) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._process = context.Process(
            target=_keep_open if partly else _ask,
            args=(self._stop, port, request, count),
            name="load",
            daemon=True,
        )

    def __enter__(self) -> Load:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()


def _ask(stop: threading.Event, port: int, request: bytes, count: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def client() -> None:
        while not stop.is_set():
            began = time.monotonic()
            with suppress(OSError, BenchError), Connection(port) as connection:
                connection.ask(request)
            time.sleep(max(PAUSE_SEC - (time.monotonic() - began), 0))

    for _ in range(count):
        threading.Thread(target=client, daemon=True).start()
    stop.wait()


def _keep_open(stop: threading.Event, port: int, request: bytes, count: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    clients = selectors.DefaultSelector()
    while not stop.is_set():
        while len(clients.get_map()) < count:
            try:
                client = socket.create_connection((ports.LOOPBACK, port), timeout=1)
                client.sendall(request)
            except OSError:
                time.sleep(PAUSE_SEC)
                break
            clients.register(client, selectors.EVENT_READ)
        for key, _ in clients.select(0.2):
            try:
                data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
            except OSError:
                data = b""
            if not data:
                clients.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
