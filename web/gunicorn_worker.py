"""gunicorn's threaded worker, which lets go of connections that were handed over (see ``web.handover``), and refuses what
it cannot read as a request in the envelope of all errors."""

from __future__ import annotations

import json
import socket
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from web import errors
from web.handover import MARK, HandedOver


def refuse(sock: socket.socket, status: int, reason: str, _message: str) -> None:
    """What gunicorn answers by itself: to an address that is too long, for one."""
    code, sentence = errors.sentence(status)
    body = json.dumps({"error": sentence, "code": code, "details": {}})
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, (head + body).encode())


util.write_error = refuse  # gunicorn has no setting for it


class StreamWorker(ThreadWorker):
    wsgi: Any

    def load_wsgi(self) -> None:
        super().load_wsgi()
        app = self.wsgi

        def marked(environ: dict[str, Any], start_response: Any) -> Any:
            environ[MARK] = True
            return app(environ, start_response)

        self.wsgi = marked

    def handle_request(self, req: Any, conn: Any) -> bool:
        try:
            answered: bool = super().handle_request(req, conn)
            return answered
        except HandedOver:
            conn.handed_over = True
            return False

    def finish_request(self, conn: Any, fs: Any) -> None:
        if getattr(conn, "handed_over", False):
            self.nr_conns -= 1
            conn.close()  # this copy of the descriptor only: the connection lives on in the other one
        else:
            super().finish_request(conn, fs)
