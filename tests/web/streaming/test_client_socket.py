"""How an answer leaves web."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from web.streaming.gunicorn_worker import ClientSocket

HEAD, BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"done"


@pytest.fixture
def ends() -> Iterator[tuple[ClientSocket, socket.socket]]:
    """An answer's socket, and its client's, which does not wait."""
    here, there = socket.socketpair()
    with ClientSocket(fileno=here.detach()) as ours, there:
        there.setblocking(False)
        ours.is_at_head = True
        yield ours, there


def has_arrived(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except BlockingIOError:
        return b""


def test_the_head_leaves_with_the_body_so_that_no_half_answer_can(
    ends: tuple[ClientSocket, socket.socket],
) -> None:
    ours, client = ends
    ours.sendall(HEAD)
    assert has_arrived(client) == b""
    ours.sendall(BODY)
    assert has_arrived(client) == HEAD + BODY
    ours.sendall(b"more")
    assert has_arrived(client) == b"more"


def test_a_head_without_a_body_leaves_at_the_end(ends: tuple[ClientSocket, socket.socket]) -> None:
    ours, client = ends
    ours.sendall(HEAD)
    ours.flush()
    assert has_arrived(client) == HEAD
    ours.flush()
    assert has_arrived(client) == b""


def test_a_file_follows_its_head(
    ends: tuple[ClientSocket, socket.socket], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ours, client = ends
    file = tmp_path_factory.mktemp("file") / "body"
    file.write_bytes(BODY)
    ours.sendall(HEAD)
    with file.open("rb") as body:
        ours.sendfile(body)
    assert has_arrived(client) + has_arrived(client) == HEAD + BODY


def test_nothing_is_left_of_an_answer_that_broke_off(ends: tuple[ClientSocket, socket.socket]) -> None:
    ours, client = ends
    ours.sendall(HEAD)
    ours.drop()
    ours.sendall(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
    assert has_arrived(client) == b"HTTP/1.1 500 Internal Server Error\r\n\r\n"
