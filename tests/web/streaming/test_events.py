"""GET /api/bot/events on the real system."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.support.client import TOKENS
from tests.support.stack import Stack

#: How long web waits for the requests that it has begun (web/gunicorn_conf.py), in seconds.
GRACEFUL_SEC = 12


class Stream:
    """One open event stream, read line by line."""

    def __init__(self, stack: Stack, role: str = "operator", **headers: str) -> None:
        address = urlsplit(stack.url)
        self.sock = socket.create_connection((address.hostname, address.port), timeout=10)
        lines = [
            "GET /api/bot/events HTTP/1.1",
            f"Host: {address.netloc}",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        lines.append(f"Authorization: Bearer {TOKENS[role]}")
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._file = self.sock.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()

    def lines(self) -> Iterator[str]:
        for line in self._file:
            yield line.decode().rstrip("\n")

    def event(self, name: str = "status") -> dict[str, Any]:
        """The data of the next event of that name."""
        current = ""
        for line in self.lines():
            key, _, value = line.partition(": ")
            if key == "event":
                current = value
            elif key == "data" and current == name:
                found: dict[str, Any] = json.loads(value)
                return found
        raise AssertionError("the stream has ended")

    def until(self, **wanted: object) -> dict[str, Any]:
        while True:
            status = self.event()
            if all(status[name] == value for name, value in wanted.items()):
                return status

    def close(self) -> None:
        self._file.close()
        self.sock.close()


@contextmanager
def streams(stack: Stack, count: int) -> Iterator[list[Stream]]:
    with ExitStack() as opened:
        yield [opened.enter_context(closing(Stream(stack))) for _ in range(count)]


def test_a_stream_begins_with_the_status_and_has_one_for_every_change(stack):
    with closing(Stream(stack, "viewer")) as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert stream.headers["x-content-type-options"] == "nosniff"
        first, asked = stream.event(), stack.status()
        moving = {"asOf", "worker", "reconciliation"}
        assert {k: v for k, v in first.items() if k not in moving} == {
            k: v for k, v in asked.items() if k not in moving
        }
        assert first.keys() == asked.keys()
        assert first["reconciliation"].keys() == asked["reconciliation"].keys()

        stack.api().do("/start")
        assert stream.until(state="running")["acceptingSignals"] is True
        stack.open_trade("KTRA")
        stream.until(openPositionCount=1)
        stack.api().post("/resume")  # refused: the log has changed, the state has not
        assert stream.event()["state"] == "running"


def test_a_stream_has_ids_and_a_time_to_retry(stack):
    with closing(Stream(stack, **{"Last-Event-ID": "2026-01-01T00:00:00.000000Z"})) as stream:
        seen = []
        for line in stream.lines():
            seen.append(line)
            if line.startswith("data:"):
                break
        status = json.loads(next(line for line in seen if line.startswith("data:"))[6:])
        assert f"id: {status['asOf']}" in seen
        assert "retry: 1000" in seen


def test_a_stream_needs_a_token(stack):
    assert stack.api(None).get("/events").status_code == 401
    assert stack.api("bot").get("/events", stream=True).status_code == 200


def test_200_streams_leave_status_commands_and_the_listener_alone(stack):
    operator = stack.api()
    with streams(stack, 200) as opened:
        for stream in opened:
            assert stream.event()["state"] == "stopped"
        for _ in range(40):
            operator.status()  # from both processes, most likely; there are fewer threads than streams
        listeners = stack.sql(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'pitboss-listener' AND datname = current_database()"
        )
        assert len(listeners) <= 3, "one for each web process, one for the worker"
        operator.do("/start")
        for stream in opened:
            stream.until(state="running")
        operator.do("/kill")
        for stream in opened:
            stream.until(killed=True)


def test_streams_end_when_web_stops_and_web_stops_at_once(stack):
    with streams(stack, 20) as opened:
        for stream in opened:
            stream.event()
        stack.web.interrupt(signal.SIGTERM)
        assert stack.web.wait(GRACEFUL_SEC) == 0, "it waited for them as for requests"
        for stream in opened:
            assert list(stream.lines())[-1:] in ([], [""]), "it ends after a whole event"
