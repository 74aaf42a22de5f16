"""A way to Postgres that can break, at the worst moment too."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from enum import Enum, auto

#: A commit as it is sent: the end of a simple query.
_COMMIT, _BEGIN = b"COMMIT", b"BEGIN"
#: A statement of its own is committed with its end.
_INSERT = b"EXECUTE insert_bot_command"


class Break(Enum):
    """What happens to a commit."""

    BEFORE = auto()  # it is lost on its way to Postgres
    AFTER = auto()  # Postgres commits, and its answer is lost


class Proxy:
    """Passes bytes between clients and one server. ``cut`` breaks and refuses all connections until ``heal``."""

    def __init__(self, port: int, server: tuple[str, int]) -> None:
        self.port = port
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", port), backlog=64)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._away = threading.Event()
        self._break: Break | None = None
        #: Set when a commit was met.
        self.broken = threading.Event()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def break_at_commit(self, when: Break) -> None:
        """Break the next commit, and with it all connections until ``heal``."""
        self.broken.clear()
        self._break = when

    def cut(self) -> None:
        self._away.set()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        self._break = None
        self._away.clear()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._away.is_set():
                client.close()
                continue
            threading.Thread(target=self._pass, args=(client,), name="proxy", daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            pair = {client, server}
            with self._lock:
                self._open |= pair
            try:
                while not self._away.is_set():
                    readable, _, _ = select.select([client, server], [], [], 1)
                    for source in readable:
                        data = source.recv(65_536)
                        if not data:
                            return
                        if source is client and self._break is not None and _commits(data):
                            self._meet(server, data)
                            return
                        (server if source is client else client).sendall(data)
            except OSError:
                return
            finally:
                with self._lock:
                    self._open -= pair

    def _meet(self, server: socket.socket, commit: bytes) -> None:
        when, self._break = self._break, None
        if when is Break.AFTER:
            server.sendall(commit)
            server.recv(65_536)
        self.broken.set()
        self.cut()


def _commits(message: bytes) -> bool:
    return _COMMIT in message or (_INSERT in message and _BEGIN not in message)
