"""Many sockets, one thread; and one status for each change, however many listen."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from bot.errors import DatabaseUnavailable
from bot.storage.notifications import CHANGES, FINISHED
from tests.support.waiting import wait_for
from web.http.places import Places
from web.schemas.status import StatusOut
from web.streaming import socket_writer as module
from web.streaming.socket_writer import Streams
from web.streaming.status_stream import GAP_SEC, Events


@pytest.fixture
def pair() -> Iterator[Callable[[], tuple[socket.socket, socket.socket]]]:
    """Makes connected sockets: the client's end, which is closed after the test, and the server's."""
    with ExitStack() as cleanup:

        def pair() -> tuple[socket.socket, socket.socket]:
            ours, theirs = socket.socketpair()
            ours.settimeout(20)
            cleanup.enter_context(ours)
            return ours, theirs

        yield pair


@pytest.fixture
def streams(pair) -> Iterator[Streams]:
    streams = Streams()
    streams.start()
    yield streams
    streams.close()


@pytest.fixture
def open_stream(streams: Streams, pair) -> Callable[..., socket.socket]:
    def open_stream(ends_at: float | None = None) -> socket.socket:
        ours, theirs = pair()
        streams.add(theirs, b"head ", ends_at)
        return ours

    return open_stream


def read(sock: socket.socket, until: bytes) -> bytes:
    found = b""
    while not found.endswith(until):
        part = sock.recv(65536)
        assert part, f"closed after {found!r}"
        found += part
    return found


def test_nothing_is_done_while_nobody_listens_and_who_comes_is_served_until_their_time_is_up(
    pair, monkeypatch
):
    streams, waits = Streams(), []
    select = streams._selector.select

    def noting(seconds=None):
        waits.append(seconds)
        return select(seconds)

    monkeypatch.setattr(streams._selector, "select", noting)
    streams.start()
    ours, theirs = pair()
    streams.add(theirs, b"head ", time.time() + 0.1)
    assert read(ours, b"head ") == b"head "
    assert ours.recv(1) == b"", "its time is up"
    wait_for(lambda: waits[-1] is None, 15, "the thread waits until somebody comes")
    assert (waits[0], module.TICK_SEC in waits) == (None, True)
    streams.close()
    assert not streams._thread.is_alive()


def test_everybody_gets_what_is_sent(streams, open_stream):
    clients = [open_stream() for _ in range(50)]
    streams.send(b"one ")
    streams.send(b"two ")
    for client in clients:
        assert read(client, b"two ") == b"head one two "
    assert streams.count == 50


def test_what_is_for_the_new_goes_to_the_new_alone(streams, open_stream):
    old = open_stream()
    streams.send(b"one ")
    new = open_stream()
    streams.send(b"two ", only_new=True)
    streams.send(b"three ")
    assert read(old, b"three ") == b"head one three "
    assert read(new, b"three ") == b"head two three "


def test_a_client_that_does_not_read_delays_nobody_and_gets_the_latest(streams, open_stream):
    slow, quick = open_stream(), open_stream()
    payload = b"x" * 100_000
    for number in range(30):
        streams.send(b"%03d" % number + payload + b"\n")
        assert read(quick, b"\n")[-100_004:-100_001] == b"%03d" % number
    text = read(slow, b"029" + payload + b"\n")
    assert text.count(b"\n") < 10, "what lay between was left out"
    assert text.replace(payload, b"").startswith(b"head 000\n")


def test_a_client_that_takes_nothing_for_too_long_is_dropped(streams, open_stream, monkeypatch):
    monkeypatch.setattr(module, "STUCK_SEC", 0.5)
    slow, quick = open_stream(), open_stream()
    streams.send(b"x" * 5_000_000)
    reader = threading.Thread(target=lambda: read(quick, b"end"))
    reader.start()
    wait_for(lambda: streams.count == 1, 5, "the slow one is dropped")
    streams.send(b"end")
    reader.join(15)
    assert not reader.is_alive()
    slow.close()


def test_a_client_that_leaves_gives_its_place_back(streams, open_stream):
    clients = [open_stream() for _ in range(5)]
    for client in clients:
        client.close()
    wait_for(lambda: streams.count == 0, 5, "all places are free")


def test_a_stream_ends_when_its_session_does(streams, open_stream):
    client, other = open_stream(ends_at=time.time() + 0.1), open_stream()
    assert read(client, b"head ") == b"head "
    assert client.recv(10) == b""
    wait_for(lambda: streams.count == 1, 5, "its place is free")
    streams.send(b"one ")
    assert read(other, b"one ") == b"head one "


class FakeWatch:
    def subscribe(self, heard) -> None:
        self.heard = heard


class World:
    """Events of a status that the test makes up."""

    def __init__(self, pair) -> None:
        self._pair = pair
        self.reads = 0
        self.away = False
        self.values = {"revision": 1}
        self.watch = FakeWatch()
        self.events = Events(self.read, self.watch)  # type: ignore[arg-type]
        self.events.start()

    def read(self) -> StatusOut:
        self.reads += 1
        if self.away:
            raise DatabaseUnavailable()
        now = datetime.now(UTC)
        fixed = {
            "state": "stopped", "mode": "paper", "open_position_count": 0, "today_realized_pnl": 0,
            "today_trade_count": 0, "market_open": True, "market_changes_at": datetime(2030, 1, 2, tzinfo=UTC),
            "enabled": False, "killed": False, "killed_at": None, "kill_reason": None, "allowed_commands": [],
            "accepting_signals": False, "reasons": [], "reconciliation": None,
            "worker": {"online": True, "last_seen_at": now}, "pending_commands": 0, "sandbox": True, "as_of": now,
            "unsettled_trades": 0, "open_pnl": None, "flatten": "none",
        }  # fmt: skip
        optional = {name: None for name, field in StatusOut.model_fields.items() if not field.is_required()}
        return StatusOut.model_validate({**optional, **fixed, **self.values})

    def open(self) -> socket.socket:
        ours, theirs = self._pair()
        response = self.events.open(None)
        assert response is not None
        response.take(theirs, b"")
        return ours


@pytest.fixture
def world(pair) -> Iterator[World]:
    world = World(pair)
    yield world
    world.events.close()


def until(sock: socket.socket, text: str) -> str:
    found = ""
    while text not in found:
        part = sock.recv(65536).decode()
        assert part
        found += part
    return found


def test_one_change_is_read_once_for_all_streams_and_a_burst_is_one_change(world):
    clients = [world.open() for _ in range(40)]
    for client in clients:
        until(client, '"revision":1')
    before = world.reads
    world.values["revision"] = 2
    for _ in range(100):
        world.watch.heard(FINISHED, "an-id applied")
    for client in clients:
        assert until(client, '"revision":2').count("event: status") == 1
    assert world.reads - before <= 2


def test_a_storm_of_changes_is_read_at_a_measured_pace(world):
    client = world.open()
    until(client, "event: status")
    before, began = world.reads, time.monotonic()
    for _ in range(80):
        world.watch.heard(FINISHED, "an-id applied")
        time.sleep(0.005)
    assert world.reads - before <= (time.monotonic() - began) / GAP_SEC + 2


def test_a_change_that_changes_nothing_is_no_news(world):
    client = world.open()
    until(client, "event: status")
    for _ in range(5):
        world.watch.heard(CHANGES, "bot_config")
        time.sleep(0.1)  # each is read by itself; nothing shows that it was
    assert "event: status" not in until(client, "event: pulse")


def test_what_nobody_notifies_is_seen_all_the_same(world):
    client = world.open()
    until(client, "event: status")
    world.values["worker"] = {"online": False, "last_seen_at": None}
    assert '"online":false' in until(client, '"online":false')


def test_a_comment_keeps_the_connection_alive(world, monkeypatch):
    monkeypatch.setattr("web.streaming.status_stream.HEARTBEAT_SEC", 0.1)
    monkeypatch.setattr("web.streaming.status_stream.REREAD_SEC", 0.2)
    client = world.open()
    until(client, "event: status")
    until(client, "\n: still here\n\n")


def test_nothing_is_read_while_nobody_listens(world):
    world.watch.heard(FINISHED, "an-id applied")
    time.sleep(
        0.5
    )  # longer than it takes from a change to its reading; nobody can wait for what must not happen
    assert world.reads == 0


def test_streams_say_when_the_status_cannot_be_read_and_when_it_can_again(world):
    client = world.open()
    until(client, "event: status")
    world.away = True
    world.watch.heard("", "")
    assert "database_unavailable" in until(client, "event: unavailable\ndata: {")
    world.away = False
    world.watch.heard("", "")
    until(client, "event: status")


def test_there_is_a_most_of_streams(world, monkeypatch):
    monkeypatch.setattr(world.events, "_places", Places(2, 2))
    kept = [world.open(), world.open()]
    assert world.events.open(None) is None
    kept.pop().close()
    wait_for(lambda: world.events.open(None) is not None, 5, "a place is free again")


def test_what_is_asked_after_the_end_is_passed_over():
    streams = Streams()
    streams.start()
    streams.close()
    streams.send(b"late")
    streams.keep(lambda owner: False)
    assert streams.count == 0
