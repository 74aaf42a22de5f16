"""A webhook's receiver: a real HTTP server that checks signatures, and fails in every way on request."""

from __future__ import annotations

import base64
import json
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import standardwebhooks

PATH = "/services/T0000/B0000/secret-path-of-the-tests"


@dataclass
class Request:
    """One delivery as it came in."""

    at: float
    signed: bool
    body: dict[str, Any]
    message_id: str = ""
    answered: int = 0
    #: Where it came from; None when it is dealt with.
    connection: socket.socket | None = None

    @property
    def open(self) -> bool:
        """Neither answered nor given up by its sender, who sends no more before the answer."""
        try:
            return self.connection is not None and not select.select([self.connection], [], [], 0)[0]
        except (OSError, ValueError):
            return False  # closed at this moment

    @property
    def kinds(self) -> list[str]:
        return [alert["kind"] for alert in self.alerts]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body["data"]["alerts"]
        return found


@dataclass
class Behaviour:
    """How the next requests are answered."""

    status: int = 200
    wait_sec: float = 0.0
    #: Answers when it is told to behave otherwise, or never if the sender has gone by then.
    hangs: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    #: Answers a byte at a time, without an end.
    drip: bool = False
    #: Kinds that make it refuse a body, with the status above; None refuses none.
    only_with: str | None = None


class Receiver:
    """``with Receiver() as receiver``; ``receiver.behave(status=500)``."""

    secret = "webhook-secret-of-the-tests"

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._behaviour = Behaviour()
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def start(self) -> None:
        """Listen, again under the same port after ``stop``."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def behave(self, **changes: Any) -> None:
        self._behaviour = Behaviour(**changes)

    @property
    def taken(self) -> list[dict[str, Any]]:
        """Every alert that was answered with success, in order; repetitions included."""
        return [alert for request in self.requests if request.answered == 200 for alert in request.alerts]

    @property
    def kinds(self) -> list[str]:
        return [alert["kind"] for alert in self.taken]

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        signed = is_signed(self.secret, dict(handler.headers), body)
        message_id = handler.headers.get("webhook-id", "")
        request = Request(
            time.monotonic(), signed, json.loads(body), message_id, connection=handler.connection
        )
        self.requests.append(request)
        how = self._behaviour
        try:
            if how.drip:
                while not self._released.wait(0.2):
                    handler.wfile.write(b"H")
                    handler.wfile.flush()
                return
            while how.hangs and self._behaviour is how and not self._released.wait(0.02):
                if not request.open:
                    return
            self._released.wait(how.wait_sec)
            refused = how.only_with is None or how.only_with in request.kinds
            status = how.status if refused else 200
            handler.send_response(status)
            for name, value in how.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            request.answered = status  # before whoever waits for the rest goes on
            handler.wfile.write(b"ok")
        except OSError:
            pass  # the sender has gone
        finally:
            request.connection = None


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What a receiver's own library says: the one that those who wrote the form offer."""
    key = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
    try:
        standardwebhooks.Webhook(key).verify(body, headers)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True
