"""Serves the sandbox over HTTP, in a thread of the calling process.

Werkzeug's threaded server is used on purpose, and only here: the sandbox is a simulator on loopback, and its
faults need the connection itself (to drop it, to cut it, to send a byte a second), which a production server
keeps to itself.
"""

from __future__ import annotations

import errno
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox.app import create_app
from sandbox.venue import FILL_DELAY_SEC

_STOP_WITHIN_SEC = 5.0


class PortTaken(Exception):
    """The port cannot be listened on. The message is one sentence that names it."""


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: GET /sandbox/requests shows the calls."""


class Server:
    """A sandbox on a port of its own. Use it as a context, or with ``start`` and ``stop``.

    Port 0 takes a free one; it is kept, so that a stopped server starts again under the same ``url``. Its
    accounts live as long as the object, and longer in a ``state`` file. Raises StateFileError when that
    cannot be used.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        rate_limit: bool = False,
        state: Path | None = None,
        walk: bool = False,
        fill_delay_sec: float = FILL_DELAY_SEC,
        hours: bool = False,
    ) -> None:
        self.app = create_app(
            rate_limit=rate_limit, state=state, walk=walk, fill_delay_sec=fill_delay_sec, hours=hours
        )
        self._host = host
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it is served, such as http://127.0.0.1:9000. Known once it was started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> Server:
        """Listen: calls are answered when this returns. Raises PortTaken, or RuntimeError if it runs."""
        if self._server is not None:
            raise RuntimeError("the sandbox is running already")
        self.app.wire.closing.clear()
        # The socket is bound here because make_server would print and exit where this can raise.
        with self._bind() as bound:
            self._port = bound.getsockname()[1]
            self._server = make_server(
                self._host,
                self._port,
                self.app,
                threaded=True,
                request_handler=_QuietHandler,
                fd=bound.fileno(),
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, end waiting faults, and let other calls finish, for five seconds at most."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        self.app.wire.closing.set()
        server.shutdown()
        thread.join()
        self.app.wire.idle(_STOP_WITHIN_SEC)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        self.stop()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self._port), family=family, backlog=128)
        except (OSError, OverflowError) as error:
            where = f"Port {self._port} of {self._host}"
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise PortTaken(f"{where} is taken: another program listens there.") from error
            raise PortTaken(f"{where} cannot be listened on: {error}.") from error
