"""Servers that say what no simulated Alpaca would: any answer to any call, and any bytes at all."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.broker.alpaca_parsing import account_of
from bot.broker.readings import Account

#: An account that may trade.
ACCOUNT = {
    "id": "the-account",
    "status": "ACTIVE",
    "currency": "USD",
    "equity": "100000",
    "last_equity": "100000",
    "cash": "100000",
    "buying_power": "200000",
    "long_market_value": "0",
    "short_market_value": "0",
    "trading_blocked": False,
    "account_blocked": False,
    "trade_suspended_by_user": False,
}


def an_account(account_id: str, **fields: Any) -> Account:
    """The reading of such an account."""
    return account_of({**ACCOUNT, "id": account_id, **fields})


@dataclass(frozen=True)
class Answer:
    """One answer; a body that is not bytes is sent as JSON."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Call:
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    method: str = "GET"
    content: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.content)


Script = Callable[[Call], Answer]


@contextmanager
def serve(script: Script) -> Iterator[str]:
    """An HTTP server that answers every call as *script* says; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = script(Call(parts.path, query, dict(self.headers), self.command, content))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_DELETE = do_PATCH = do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serve_raw(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that reads a request and then does with the connection what *talk* does, until the event is set."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threads: list[threading.Thread] = []

    def meet(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            talk(connection, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=meet, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Take the request and never answer."""
    over.wait(60)


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    """Begin an answer and send its headers a byte at a time, without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not over.wait(0.5):
        connection.sendall(b"z")


def drip_body(connection: socket.socket, over: threading.Event) -> None:
    """Announce a long body and send it a byte at a time."""
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n["
    )
    while not over.wait(0.5):
        connection.sendall(b" ")


@contextmanager
def deaf() -> Iterator[str]:
    """An address at which no connection is ever made: its queue is full and nobody accepts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queued = []
        for _ in range(4):
            knocking = socket.socket()
            knocking.setblocking(False)
            with suppress(BlockingIOError):
                knocking.connect(listener.getsockname())
            queued.append(knocking)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for knocking in queued:
            knocking.close()
