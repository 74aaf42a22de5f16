"""Whatever Alpaca answers, a call ends in what it means or in a BrokerError: no other exception leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.broker.alpaca import Alpaca
from bot.broker.errors import BrokerError
from bot.broker.readings import Account, Clock, Fill, Order, Position
from bot.settings.alpaca_settings import AlpacaAccess
from bot.states import Mode
from tests.bot import fake
from tests.bot.fake import Answer, Call
from tests.bot.fake_account import FakeAccount

SINCE = datetime(2026, 11, 20, 17, tzinfo=UTC)
ORDER_ID, SUCCESSOR = str(uuid4()), str(uuid4())

#: Every call, with the path that it asks for and the types of what it may return.
CALLS: dict[str, Callable[[Alpaca], Any]] = {
    "account": lambda alpaca: alpaca.account(),
    "clock": lambda alpaca: alpaca.clock(),
    "positions": lambda alpaca: alpaca.positions(),
    "order": lambda alpaca: alpaca.order(ORDER_ID),
    "order_by_client_id": lambda alpaca: alpaca.order_by_client_id("mine"),
    "chain": lambda alpaca: [link for link in [alpaca.order(ORDER_ID)] if link and alpaca.chain(link)],
    "orders_since": lambda alpaca: alpaca.orders_since(SINCE),
    "fills_since": lambda alpaca: alpaca.fills_since(SINCE),
    "cancel_order": lambda alpaca: alpaca.cancel_order(ORDER_ID),
    "cancel_all_orders": lambda alpaca: alpaca.cancel_all_orders(),
    "close_position": lambda alpaca: alpaca.close_position("AAPL", Decimal(1)),
    "suspends_trade": lambda alpaca: alpaca.suspends_trade(),
    "set_suspend_trade": lambda alpaca: alpaca.set_suspend_trade(True),
}
READINGS = (Account, Clock, Fill, Order, Position)


def valid_answers() -> list[Any]:
    """One valid answer of each kind, each with every field that is read."""
    account = FakeAccount("", "")
    account.position("AAPL", 10, current=11)
    account.order("replaced", id=ORDER_ID, client_order_id="mine", replaced_by=SUCCESSOR, at=SINCE)
    account.order("new", id=SUCCESSOR, replaces=ORDER_ID, at=SINCE)
    account.fill(SUCCESSOR, 3, "10.5", SINCE)
    orders, positions = list(account.orders.values()), list(account.positions.values())
    return [
        account.account(),
        account.clock(),
        positions,
        *orders,
        orders,
        account.fills,
        [{"id": ORDER_ID, "status": 200}],
        {"suspend_trade": True},
        {"code": 40410000, "message": "order not found"},
        {"code": 40310000, "message": "insufficient qty available"},
    ]


NASTY: list[Any] = [
    "1e999999",
    "9" * 5000,
    "NaN",
    "sNaN",
    "Infinity",
    "-0",
    "",
    "\x00",
    "\ud800",
    10**400,
    1e308,
]
NASTY += [
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00Z",
    float("nan"),
    float("-inf"),
    True,
    None,
    [],
    {},
    "1E-99999999",
]
NASTY += ["../../v2/account", "%", "?", "#", "é", "\u2028", ORDER_ID, SUCCESSOR, "replaced", "filled"]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(NASTY)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid answer of which up to three values, anywhere, are others, gone, or there twice."""
    answer = draw(st.sampled_from([json.dumps(answer) for answer in valid_answers()]).map(json.loads))
    for _ in range(draw(st.integers(0, 3))):
        place = answer
        while isinstance(place, list) and place and isinstance(place[0], dict):
            place = draw(st.sampled_from(place))
        if isinstance(place, dict) and place:
            name = draw(st.sampled_from(sorted(place)))
            if draw(st.booleans()):
                place[name] = draw(LEAVES | JSON)
            else:
                del place[name]
        elif isinstance(place, list):
            place.append(draw(JSON))
    if isinstance(answer, list) and draw(st.booleans()):
        answer = answer * draw(st.sampled_from((2, 100, 500)))
    return answer


def _bytes(answer: Any) -> bytes:
    return json.dumps(answer).encode()


BODIES = st.one_of(
    mutated().map(_bytes),
    JSON.map(_bytes),
    st.binary(max_size=200),
    st.builds(lambda answer, end: _bytes(answer)[:end], mutated(), st.integers(0, 400)),
    st.sampled_from(
        [
            b"[" * 200_000,
            b'{"id":' * 100_000,
            b"9" * 100_000,
            b"[1e9999999]",
            b"\xef\xbb\xbf[]",
            b"\xff\xfe[\x00]\x00",
        ]
    ),
)
STATUSES = st.sampled_from(
    (200, 200, 200, 200, 201, 204, 207, 302, 400, 401, 403, 404, 404, 410, 422, 429, 500, 504)
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ("X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "Location", "Content-Encoding")
    ),
    st.sampled_from(("0", "1e400", "nan", "-1", "9" * 400, "http://[", "gzip", "deflate", "\xe9", "")),
    max_size=2,
)


class Stage:
    """A server whose answers are replaced from case to case, and a client of it."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.calls = 0
        self.url = ""

    def __call__(self, call: Call) -> Answer:
        self.calls += 1
        return self.answers[(self.calls - 1) % len(self.answers)]

    @contextmanager
    def client(self) -> Iterator[Alpaca]:
        access = AlpacaAccess(mode=Mode.PAPER, url=self.url, key="PKANY", secret=SecretStr("any-secret"))
        with Alpaca(access, budget_sec=20) as alpaca:
            yield alpaca


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    with fake.serve(stage) as stage.url:
        yield stage


def is_understood(result: Any) -> bool:
    """Whether everything in a result is of a kind that Pitboss knows, and finite."""
    if isinstance(result, (list, set)):
        return all(map(is_understood, result))
    if isinstance(result, dict):
        return all(map(is_understood, result.values()))
    if isinstance(result, READINGS):
        return all(is_understood(getattr(result, name)) for name in type(result).__match_args__)
    if isinstance(result, Decimal):
        return result.is_finite()
    if isinstance(result, datetime):
        return result.tzinfo is UTC
    if isinstance(result, str):
        return result.isprintable()
    if isinstance(result, float):
        return 0 <= result <= 60
    return result is None or isinstance(result, (bool, int, tuple))


@pytest.mark.parametrize("name", CALLS)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(answers=st.lists(st.builds(Answer, BODIES, STATUSES, HEADERS), min_size=1, max_size=3))
@example(answers=[Answer(b'[{"symbol":"A","qty":"1e999999","side":"long"}]')])
@example(answers=[Answer(b"", 302, {"Location": "http://["})])
def test_no_answer_whatever_lets_anything_but_a_broker_error_out(
    stage: Stage, name: str, answers: list[Answer]
) -> None:
    stage.answers, stage.calls = answers, 0
    with stage.client() as alpaca:
        try:
            result = CALLS[name](alpaca)
        except BrokerError as error:
            result = [str(error), error.retry_after_sec or 0]
        assert is_understood(result)
        assert alpaca.requests == stage.calls <= 80


@pytest.mark.parametrize("name", CALLS)
def test_some_valid_answer_is_understood_by_each_call(stage: Stage, name: str) -> None:
    """The property above would hold for a client that understands nothing."""
    understood = 0
    for answer in valid_answers():
        stage.answers, stage.calls = [Answer(answer)], 0
        with stage.client() as alpaca:
            try:
                CALLS[name](alpaca)
            except BrokerError:
                continue
            understood += 1
    if name == "chain":  # asks for two things, one after the other
        first, second = valid_answers()[3:5]
        stage.answers, stage.calls = [Answer(first), Answer(second)], 0
        with stage.client() as alpaca:
            assert len(alpaca.chain(alpaca.order(ORDER_ID) or pytest.fail("no order"))) == 2
            return
    assert understood
