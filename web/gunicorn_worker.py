"""gunicorn's threaded worker, which lets go of connections that were handed over (see ``web.handover``)."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from web.handover import MARK, HandedOver


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
