"""Open event streams, read to their end in a process of their own."""

from __future__ import annotations

import multiprocessing
import selectors
import signal
import socket
from multiprocessing.connection import Connection as Pipe
from types import TracebackType

from launcher import ports
from tools.bench.errors import BenchError

_PATIENCE_SEC = 30.0


class Listeners:
    """So many streams of one server, open as long as the context."""

    def __init__(self, port: int, request: bytes, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_listen, args=(theirs, port, request, count), name="listeners", daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> Listeners:
        """Returns when every stream has sent something.

        Raises:
            BenchError: not all of them did.
        """
        heard = None
        try:
            if self._pipe.poll(_PATIENCE_SEC):
                heard = self._pipe.recv()
        except EOFError:
            pass
        if heard is not True:
            self._end()
            raise BenchError(f"Not every event stream was opened: {heard or 'they fell silent'}.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._pipe.close()
        self._process.join(5)


def _listen(pipe: Pipe, port: int, request: bytes, count: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    streams = selectors.DefaultSelector()
    for _ in range(count):
        stream = socket.create_connection((ports.LOOPBACK, port), timeout=_PATIENCE_SEC)
        stream.sendall(request)
        streams.register(stream, selectors.EVENT_READ)
    streams.register(pipe, selectors.EVENT_READ)
    silent = {key.fd for key in streams.get_map().values() if key.fileobj is not pipe}
    while True:
        for key, _ in streams.select():
            if key.fileobj is pipe:
                return  # the bench closed its end
            data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
            if not data or (key.fd in silent and not data.startswith(b"HTTP/1.1 200")):
                pipe.send(data.decode(errors="replace") or "a stream was closed")
                return
            if key.fd in silent:
                silent.remove(key.fd)
                if not silent:
                    pipe.send(True)
