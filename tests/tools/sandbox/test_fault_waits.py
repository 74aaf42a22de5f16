"""Faults that take their time, as a client meets them on the wire."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import pytest
import requests

from sandbox.server import Server
from tests.tools.sandbox.client import HEADERS, KEY, Http, until

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
PATHS = ("/v2/positions", "/v2/orders", "/v2/account", "/v2/positions/AAPL")


@pytest.fixture
def http(http: Http) -> Http:
    """An account with a position and a working order, so that lists are not empty to begin with."""
    http.positions(AAPL=10, MSFT=-5)
    order = {"symbol": "TSLA", "side": "buy", "qty": "1", "status": "new"}
    http.put(f"/accounts/{KEY}/orders/{uuid4()}", order)
    return http


@pytest.mark.parametrize("path", PATHS)
def test_a_slow_answer_is_right_and_late(http: Http, path: str) -> None:
    right = http.get(path)
    http.faults({"kind": "slow", "seconds": 0.2})
    began = time.monotonic()
    late = http.get(path)
    assert time.monotonic() - began >= 0.2
    assert (late.status_code, late.content) == (right.status_code, right.content)


def test_a_dripping_answer_is_right_and_never_idle_long_enough_for_a_read_time_out(http: Http) -> None:
    right = http.get("/v2/clock").content
    http.faults({"kind": "drip", "seconds": 0.02})
    began = time.monotonic()
    response = http.get("/v2/clock", timeout=2)
    assert response.status_code == 200
    assert len(response.content) == len(right)
    assert time.monotonic() - began > 2, "the read time-out of the client did not bound the whole"


def test_a_drip_is_a_byte_a_second_unless_told_otherwise(http: Http) -> None:
    http.faults({"kind": "drip"})
    began = time.monotonic()
    with requests.get(http.url + "/v2/account", headers=HEADERS, timeout=15, stream=True) as response:
        assert response.raw.read(2) == b'{"'
    assert time.monotonic() - began > 0.9


def test_stopping_does_not_wait_for_a_fault_that_waits(server: Server, http: Http) -> None:
    http.faults({"kind": "timeout"})
    failures: list[Exception] = []

    def call() -> None:
        try:
            http.get("/v2/account", timeout=60)
        except requests.RequestException as error:
            failures.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    until(lambda: http.get("/sandbox/requests").json() != [])
    server.stop()
    caller.join(15)  # it would wait for 60 s
    assert not caller.is_alive()
    assert isinstance(failures[0], BROKEN)


def test_a_waiting_fault_ends_when_its_client_gives_up(server: Server, http: Http) -> None:
    http.faults({"kind": "timeout"})
    with pytest.raises(requests.ReadTimeout):
        http.get("/v2/account", timeout=0.05)
    assert server.app.wire.idle(15), "the thread that played the fault outlived its client"
