"""The dialect: every answer is understood completely, or is an error that says so and gives no key away."""

from __future__ import annotations

import gc
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.broker import alpaca_http
from bot.broker.errors import (
    BrokerError,
    BrokerFailed,
    BrokerGarbled,
    BrokerNotFound,
    BrokerRateLimited,
    BrokerTimeout,
    BrokerUnauthorized,
    BrokerUnreachable,
)
from tests.bot import fake
from tests.bot.account import Account
from tests.bot.broker.calls import KEY, SECRET, answered, client, refused
from tests.bot.fake import Answer, Call
from tests.support import ports

ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"


# -- what Alpaca says -------------------------------------------------------------------------------------------


def test_an_account_is_its_id_and_its_blocks(account: Callable[[], Account]) -> None:
    ours = account()
    row = ours.is_()
    with client(ours.url, ours.key) as alpaca:
        assert (alpaca.account().id, alpaca.account().blocks) == (row["id"], ())
        for flag in ("trading_blocked", "account_blocked", "trade_suspended_by_user"):
            ours.is_(**{flag: True})
            assert alpaca.account().blocks == (flag,)
            ours.is_(**{flag: False})
        ours.is_(trading_blocked=True, trade_suspended_by_user=True, transfers_blocked=True)
        assert alpaca.account().blocks == ("trading_blocked", "trade_suspended_by_user")


@pytest.mark.parametrize(
    "row",
    [
        {},
        [],
        None,
        "x",
        {"id": None},
        {"id": ""},
        {"id": 7},
        {"id": ["a"]},
        {**fake.ACCOUNT, "id": ""},
        {**fake.ACCOUNT, "status": None},
        {**fake.ACCOUNT, "trading_blocked": "false"},
        {**fake.ACCOUNT, "account_blocked": None},
        {**fake.ACCOUNT, "trade_suspended_by_user": 0},
    ],
)
def test_an_account_that_makes_no_sense_is_garbled(row: Any) -> None:
    with answered(Answer(row)) as url, client(url) as alpaca:
        assert type(refused(alpaca.account)) is BrokerGarbled


# -- what the network says --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"kind": "401"}, BrokerUnauthorized),
        ({"kind": "403"}, BrokerUnauthorized),
        ({"kind": "429"}, BrokerRateLimited),
        ({"kind": "500"}, BrokerFailed),
        ({"kind": "502"}, BrokerFailed),
        ({"kind": "503"}, BrokerFailed),
        ({"kind": "html"}, BrokerGarbled),
        ({"kind": "empty_body"}, BrokerGarbled),
        ({"kind": "not_a_list"}, BrokerGarbled),
        ({"kind": "malformed_row"}, BrokerGarbled),
        ({"kind": "malformed_row", "missing": True}, BrokerGarbled),
        ({"kind": "truncated"}, BrokerGarbled),
        ({"kind": "refuse"}, BrokerUnreachable),
        ({"kind": "timeout", "seconds": 0.1}, BrokerUnreachable),  # hung up on without an answer
        ({"kind": "timeout"}, BrokerTimeout),
        ({"kind": "slow", "seconds": 1}, BrokerTimeout),
        ({"kind": "drip", "seconds": 0.3}, BrokerTimeout),
    ],
)
def test_every_fault_is_the_right_error_on_every_call(
    account: Callable[[], Account],
    monkeypatch: pytest.MonkeyPatch,
    rule: dict[str, Any],
    expected: type[BrokerError],
) -> None:
    budget_sec = 10.0
    if expected is BrokerTimeout:
        monkeypatch.setattr(alpaca_http, "READ_TIMEOUT_SEC", 0.4)
        budget_sec = 0.7
    ours = account()
    ours.holds(AAPL=10)
    order = ours.order("new", "AAPL")
    ours.fails(rule)
    for call in (
        lambda alpaca: alpaca.account(),
        lambda alpaca: alpaca.positions(),
        lambda alpaca: alpaca.order(order),
        lambda alpaca: alpaca.orders_since(None),
    ):
        with client(ours.url, ours.key, budget_sec=budget_sec) as alpaca:
            error = refused(lambda call=call, alpaca=alpaca: call(alpaca))  # type: ignore[misc]
            assert type(error) is expected, str(error)
            assert ours.key not in str(error)
            assert "PKTOPSECRET" not in str(error)


def test_an_empty_list_where_an_object_is_due_is_garbled_and_an_empty_list_is_a_list(
    account: Callable[[], Account],
) -> None:
    ours = account()
    ours.fails({"kind": "empty"})
    with client(ours.url, ours.key) as alpaca:
        assert type(refused(alpaca.account)) is BrokerGarbled
        assert type(refused(lambda: alpaca.order(ours.order("new", "A")))) is BrokerGarbled
        assert alpaca.positions() == [], (
            "nothing tells it from an account that is flat: hence the account's values"
        )


def test_nobody_listens_there() -> None:
    with client(f"http://127.0.0.1:{ports.free()}") as alpaca:
        assert type(refused(alpaca.account)) is BrokerUnreachable


def test_a_name_that_does_not_exist() -> None:
    with client("http://no-such-host.invalid") as alpaca:
        assert type(refused(alpaca.account)) is BrokerUnreachable


@pytest.mark.parametrize(
    "status", [201, 204, 206, 301, 302, 307, 308, 400, 402, 405, 410, 418, 422, 504, 520]
)
def test_no_other_status_passes_for_an_answer(status: int) -> None:
    seen: list[Call] = []

    def answer(call: Call) -> Answer:
        seen.append(call)
        headers = {"Location": "/v2/elsewhere", "Content-Type": "application/json"}
        return Answer(b"" if status == 204 else [], status, headers)

    with fake.serve(answer) as url, client(url) as alpaca:
        error = refused(alpaca.positions)
    assert type(error) is BrokerFailed
    assert str(status) in str(error)
    assert [call.path for call in seen] == ["/v2/positions"], (
        "a redirect is not followed: the keys are for this address"
    )


def test_keys_are_sent_to_where_they_belong() -> None:
    seen: list[Call] = []

    def answer(call: Call) -> Answer:
        seen.append(call)
        return Answer([])

    with fake.serve(answer) as url, client(url) as alpaca:
        alpaca.positions()
    assert (seen[0].headers["APCA-API-KEY-ID"], seen[0].headers["APCA-API-SECRET-KEY"]) == (KEY, SECRET)


@pytest.fixture
def without_collection() -> Iterator[None]:
    """A finalizer of something else that runs at the limit of recursion, deep in a body, would fail for that reason."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"code": 40410000, "message": "order not found"}, BrokerNotFound),
        ({"code": 40410000, "message": "position does not exist"}, BrokerFailed),
        ({"code": 40410000, "message": "endpoint not found"}, BrokerFailed),
        ({"code": 40410000}, BrokerFailed),
        ({"code": 404, "message": "no route"}, BrokerFailed),
        ({"message": "Not Found"}, BrokerFailed),
        ({"code": "40410000"}, BrokerFailed),
        ([{"code": 40410000}], BrokerFailed),
        (b"<html>404 code 40410000</html>", BrokerFailed),
        (b'"code": 40410000', BrokerFailed),
        (b"", BrokerFailed),
        (b"[" * 100_000, BrokerFailed),
    ],
)
def test_only_alpacas_own_404_says_that_a_thing_does_not_exist(
    body: Any, expected: type[BrokerError], without_collection: None
) -> None:
    with answered(Answer(body, 404)) as url, client(url) as alpaca:
        assert type(refused(alpaca.positions)) is BrokerFailed, "no list is ever missing"
        if expected is BrokerNotFound:
            assert alpaca.order(ORDER_ID) is None
        else:
            assert type(refused(lambda: alpaca.order(ORDER_ID))) is expected


@pytest.mark.parametrize("target", ["http://[", "//\xff", "http://elsewhere.invalid/", "\t", "x" * 5000])
def test_where_a_redirect_leads_is_not_even_looked_at(target: str) -> None:
    headers = {"Location": target}
    with answered(Answer(b"", 302, headers)) as url, client(url) as alpaca:
        assert type(refused(alpaca.account)) is BrokerFailed


def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(b"[" + b" " * 50_000 + b"]")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with answered(Answer(body, headers=headers)) as url, client(url) as alpaca:
        assert alpaca.positions() == []
    for broken in (body[:20], b"not gzip at all"):
        with answered(Answer(broken, headers=headers)) as url, client(url) as alpaca:
            assert type(refused(alpaca.positions)) is BrokerGarbled


def test_an_answer_that_would_fill_the_memory_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alpaca_http, "MAX_BODY", 1_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with answered(Answer(bomb, headers=headers)) as url, client(url) as alpaca:
        assert "larger than" in str(refused(alpaca.positions))
