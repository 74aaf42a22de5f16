"""The limits of calls: how many Alpaca allows, and how long each may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from bot.broker import alpaca_http
from bot.broker.errors import BrokerError, BrokerTimeout
from tests.bot import fake
from tests.bot.broker.calls import answered, client, refused
from tests.bot.fake import Answer
from tests.support import ports
from tests.support.waiting import wait_for

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({}, None, None),
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "0"}, 0, 0),
        ({"Retry-After": "-5"}, 0, 0),
        ({"Retry-After": "86400"}, 60, 60),
        ({"Retry-After": "inf"}, 60, 60),
        ({"Retry-After": "nan"}, None, None),
        ({"Retry-After": "soon"}, None, None),
        ({"X-RateLimit-Reset": "+20"}, 5, 20),
        ({"X-RateLimit-Reset": "-20"}, 0, 0),
        ({"X-RateLimit-Reset": "+86400"}, 60, 60),
        ({"X-RateLimit-Reset": "tomorrow"}, None, None),
        ({"Retry-After": "3", "X-RateLimit-Reset": "+20"}, 3, 3),
        ({"Retry-After": format_datetime(NOON), "X-RateLimit-Reset": "+20"}, 5, 20),
    ],
)
def test_the_wish_to_be_left_alone_is_heard_and_bounded(
    headers: dict[str, str], low: float | None, high: float | None
) -> None:
    given = dict(headers)
    if given.get("X-RateLimit-Reset", "x")[0] in "+-":
        given["X-RateLimit-Reset"] = str(int(time.time() + float(given["X-RateLimit-Reset"])))
    with answered(Answer({"message": "no"}, 429, given)) as url, client(url) as alpaca:
        wait = refused(alpaca.positions).retry_after_sec
    if low is None or high is None:
        assert wait is None
    else:
        assert wait is not None
        assert low <= wait <= high


@pytest.mark.parametrize("status", [200, 401, 403, 404, 422, 500, 503])
def test_only_a_429_or_a_success_that_leaves_nothing_waits(status: int) -> None:
    headers = {
        "Retry-After": "7",
        "X-RateLimit-Reset": str(int(time.time()) + 20),
        "X-RateLimit-Remaining": "0",
    }
    with answered(Answer(b"no JSON", status, headers)) as url, client(url) as alpaca:
        error = refused(alpaca.clock)
        assert error.retry_after_sec is None, "nothing but a 429 asks to be left alone"
        assert alpaca.remaining == 0
        assert alpaca.retry_after_sec == (7 if status == 200 else None)


@pytest.mark.parametrize(
    ("said", "remaining"),
    [("199", 199), ("0", 0), ("-1", None), ("many", None), ("9" * 5000, None), ("", None)],
)
def test_what_the_limit_leaves_is_noted_and_the_requests_are_counted(
    said: str, remaining: int | None
) -> None:
    with answered(Answer([], headers={"X-RateLimit-Remaining": said})) as url, client(url) as alpaca:
        assert (alpaca.requests, alpaca.remaining) == (0, None)
        alpaca.positions()
        assert (alpaca.requests, alpaca.remaining, alpaca.retry_after_sec) == (1, remaining, None)
        refused(alpaca.clock)
        assert alpaca.requests == 2


def test_a_request_that_fails_counts_too() -> None:
    with client(f"http://127.0.0.1:{ports.free()}") as alpaca:
        refused(alpaca.account)
        assert alpaca.requests == 1


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(lambda: fake.serve_raw(fake.silent), id="takes the request and never answers"),
        pytest.param(lambda: fake.serve_raw(fake.drip_body), id="body drips"),
        pytest.param(fake.deaf, id="never takes the connection"),
    ],
)
def test_a_call_ends_when_its_time_is_up(
    monkeypatch: pytest.MonkeyPatch, server: Callable[[], AbstractContextManager[str]]
) -> None:
    monkeypatch.setattr(alpaca_http, "CONNECT_TIMEOUT_SEC", 0.5)
    monkeypatch.setattr(alpaca_http, "READ_TIMEOUT_SEC", 0.8)
    with server() as url, client(url, budget_sec=1.0) as alpaca:
        assert type(refused(alpaca.positions)) is BrokerTimeout


def test_the_time_is_for_all_calls_together() -> None:
    with answered(Answer([])) as url, client(url, budget_sec=1.0) as alpaca:
        alpaca.positions()
        wait_for(lambda: time.monotonic() > alpaca._deadline, 5, "the time is up")
        assert type(refused(alpaca.positions)) is BrokerTimeout


def test_a_call_that_no_time_out_ends_is_ended_with_its_context() -> None:
    # Each byte of the headers starts requests' time-out anew.
    ended: list[BrokerError] = []
    with fake.serve_raw(fake.drip_headers) as url:
        with client(url) as alpaca:
            thread = threading.Thread(target=lambda: ended.append(refused(alpaca.positions)))
            thread.start()
            wait_for(
                lambda: [c for c in alpaca._adapter._connections if c.sock is not None],
                5,
                "the call is under way",
            )
            assert not ended
        thread.join(15)
        assert not thread.is_alive()
    assert isinstance(ended[0], BrokerError)
