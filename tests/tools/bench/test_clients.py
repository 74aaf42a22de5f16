"""The clients, against a small server of their own."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.bench import runner
from tools.bench.crowd import Crowd
from tools.bench.errors import BenchError
from tools.bench.http import Connection, compose


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = 503 if self.path == "/no" else 200
        body = self.path.encode() * 50_000 if self.path == "/long" else self.path.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server.server_address[1]
        server.shutdown()


def test_one_connection_serves_many_requests_and_long_answers(port: int):
    with Connection(port) as connection:
        for path in ("/a", "/long", "/b"):
            answer = connection.ask(compose("GET", path))
            assert (answer.status, answer.body[:2]) == (200, path[:2].encode())
            assert len(answer.body) == (250_000 if path == "/long" else 2)


def test_a_composed_request_has_token_and_body():
    text = compose("PATCH", "/config", token="secret", body={"a": 1}).decode()
    assert text.startswith("PATCH /config HTTP/1.1\r\n")
    assert "\r\nAuthorization: Bearer secret\r\n" in text
    assert re.search(r"\r\nContent-Length: 8\r\n.*\r\n\r\n{\"a\": 1}$", text, re.DOTALL)


def test_the_first_turn_does_not_count(port: int):
    assert len(runner.run(port, [compose("GET", "/a"), compose("GET", "/b")], 5).ms) == 5


def test_what_was_not_answered_with_200_is_no_figure(port: int):
    with pytest.raises(BenchError, match="GET /no was answered with 503"):
        runner.run(port, [compose("GET", "/no")], 1)


def test_a_crowd_counts_answers_and_refuses_to_count_others(port: int):
    crowd = Crowd()
    try:
        assert crowd.per_second(port, [[compose("GET", "/a")] * 3] * 5) > 0
        with pytest.raises(BenchError, match=r"all should be 200: \{200: 2, 503: 1\}"):
            crowd.per_second(port, [[compose("GET", "/a")] * 2, [compose("GET", "/no")]])
    finally:
        crowd.close()
