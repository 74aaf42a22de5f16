"""Clients without a token that are slow, or do nothing: they can neither hold every thread nor stop a kill."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.stack import Stack
from web.streaming.gunicorn_worker import PATIENCE_SEC

#: Of all web processes, as ``web/gunicorn_conf.py`` says.
THREADS = 2 * 64
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX"
HALF_A_BODY = (
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 50\r\n\r\ntoken="
)
#: Of these the answers are far more than what the kernel keeps for a client that does not read.
LARGE = b"GET /static/vendor/chart.umd.min.js HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 200


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as clients:
        yield clients


def connect(stack: Stack, clients: ExitStack, data: bytes) -> socket.socket:
    client = clients.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=20))
    client.sendall(data)
    return client


def read(client: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def serves(stack: Stack, client: socket.socket) -> bool:
    """Whether web's end of the connection is still established, as the kernel says."""
    theirs, ours = (f"0100007F:{port:04X}" for port in (client.getsockname()[1], stack.port))
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return any(line.split()[1:4] == [ours, theirs, "01"] for line in lines)


def test_a_kill_gets_through_beside_more_half_requests_than_there_are_threads(
    stack: Stack, clients: ExitStack
):
    slow = [
        connect(stack, clients, half) for _ in range(THREADS * 5 // 8) for half in (HALF_A_HEAD, HALF_A_BODY)
    ]
    stack.api().do("/kill")
    for client in slow:
        answer = read(client)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request_timeout"


def test_who_sends_byte_after_byte_or_takes_no_answer_is_ended_too(stack: Stack, clients: ExitStack):
    began = time.monotonic()
    deaf = clients.enter_context(socket.socket())
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.settimeout(20)
    deaf.connect(("127.0.0.1", stack.port))
    deaf.sendall(LARGE * MANY)
    slow = connect(stack, clients, HALF_A_HEAD)
    slow.settimeout(0.5)
    answer = b""
    while not answer and time.monotonic() - began < PATIENCE_SEC + 15:
        try:
            answer = slow.recv(65536)
        except TimeoutError:
            slow.sendall(b"x")
    assert answer.startswith(b"HTTP/1.1 408 ")
    slow.settimeout(5)
    # to read would set the other one free
    stack.wait_for(lambda: not serves(stack, deaf), PATIENCE_SEC + 15, "web hangs up on it, too")
    with suppress(ConnectionResetError):
        assert read(slow) == b""
    with suppress(ConnectionResetError):
        assert read(deaf).count(b"HTTP/1.1 200 ") < MANY
    assert "Traceback" not in stack.web.log()


def test_clients_that_do_not_hang_up_after_their_answer_hold_up_nobody(stack: Stack, clients: ExitStack):
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    began = time.monotonic()
    for client in [connect(stack, clients, last) for _ in range(30)]:
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    stack.api().do("/kill")
    assert time.monotonic() - began < 15, "two seconds for each would be half a minute"


def test_who_hangs_up_half_way_is_no_error(stack: Stack, clients: ExitStack):
    for half in (HALF_A_HEAD, HALF_A_BODY, b""):
        connect(stack, clients, half).close()
    stack.api().do("/kill")
    assert "Traceback" not in stack.web.log()
