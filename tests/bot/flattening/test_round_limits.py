"""What one round of a flatten asks a played Alpaca for, call by call, and when it asks for no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from bot.broker.time_limits import FLATTEN_ROUND
from bot.flattening import round
from bot.flattening.plan import Closing, Goal
from bot.flattening.round import BrokerRound
from bot.states import Mode
from tests.bot.fake import Answer, Call
from tests.bot.fake_account import FakeAccount
from tests.bot.world import settings_for


@pytest.fixture
def account(fake_account: Callable[[], FakeAccount]) -> FakeAccount:
    return fake_account()


def make(account: FakeAccount, before: Callable[[], object] = lambda: None, **goal: Any) -> BrokerRound:
    settings = settings_for(
        "postgresql://nobody@127.0.0.1:1/none",
        alpaca_paper_url=account.url,
        alpaca_paper_api_key=account.key,
        alpaca_paper_api_secret="s",
    )
    started = datetime.now(UTC) - timedelta(minutes=5)
    one = BrokerRound(settings, Mode.PAPER, None, Goal(started_at=started, **goal))

    def before_closing(_: Iterable[Closing]) -> None:
        before()

    one.run(before_closing)
    return one


def changes(account: FakeAccount) -> list[Call]:
    return [call for call in account.seen if call.method != "GET"]


def test_shares_that_somebody_sold_a_moment_ago_are_not_sold_again_though_the_position_shows_them(
    account: FakeAccount,
) -> None:
    account.holds(AAPL=10, MSFT=10)
    at = datetime.now(UTC)
    account.clock(at=at)
    sold = account.order("new", "AAPL", 10, side="sell", at=at - timedelta(seconds=1))
    account.fill(sold, 10, at=at - timedelta(seconds=1))
    found = make(account)
    assert [each.symbol for each in found.sent] == ["MSFT"]
    assert found.plan is not None
    assert found.plan.is_unsettled


def test_a_whole_position_is_closed_as_such_and_a_part_by_its_shares(account: FakeAccount) -> None:
    account.holds(AAPL=10, MSFT=10)
    make(account, ignored={"MSFT": Decimal(4)})
    assert [call.query for call in changes(account)] == [{}, {"qty": "6"}]


@pytest.mark.parametrize(
    ("refused", "said"), [(0, []), (1, ["an order"]), (2, ["2 orders"])], ids=["none", "one", "two"]
)
def test_orders_that_are_not_cancelled_at_once_are_told_and_the_positions_closed_all_the_same(
    account: FakeAccount, refused: int, said: list[str]
) -> None:
    account.holds(AAPL=10)
    ids = [account.order("new", symbol) for symbol in ("MSFT", "TSLA", "NVDA")]
    rows = [{"id": each, "status": 422 if number < refused else 200} for number, each in enumerate(ids)]

    def cancelled(call: Call) -> Answer | None:
        return Answer(rows, 207) if (call.method, call.path) == ("DELETE", "/v2/orders") else None

    account.says("/v2/orders", cancelled)
    found = make(account)
    assert found.not_cancelled == [f"Alpaca rejected the cancellation of {each}." for each in said]
    assert [each.symbol for each in found.sent] == ["AAPL"]


@pytest.mark.parametrize(("ticks", "closed"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_no_closing_is_begun_after_the_time_of_the_round(
    account: FakeAccount, monkeypatch: pytest.MonkeyPatch, ticks: int, closed: int
) -> None:
    account.holds(AAPL=1, MSFT=1, TSLA=1)
    stop_the_clock(monkeypatch, ticks)
    found = make(account)
    assert (len(changes(account)), len(found.sent)) == (closed, closed)


@pytest.mark.parametrize(("ticks", "cancelled"), [(0, 0), (1, 1), (9, 2)])
def test_nor_is_a_cancellation_and_then_nothing_is_closed(
    account: FakeAccount, monkeypatch: pytest.MonkeyPatch, ticks: int, cancelled: int
) -> None:
    account.holds(AAPL=1, MSFT=1, IGNORED=1)
    for symbol in ("MSFT", "TSLA"):
        account.order("new", symbol)
    stop_the_clock(monkeypatch, ticks)
    marked: list[bool] = []
    make(account, lambda: marked.append(True), ignored={"IGNORED": Decimal(1)})
    is_done = ticks > 2
    assert [call.path.split("/")[2] for call in changes(account)] == ["orders"] * cancelled + (
        ["positions"] if is_done else []
    )
    assert marked == [True] * is_done


def stop_the_clock(monkeypatch: pytest.MonkeyPatch, ticks: int) -> None:
    """Have so many looks at the clock, after the first one, find that there is time left: to the moment of the deadline."""
    budget = FLATTEN_ROUND.budget_sec - round.LEAST_LEFT_SEC
    looks = count()

    def monotonic() -> float:
        look = next(looks)
        return 0.0 if look == 0 else budget if look <= ticks else budget + 0.001

    monkeypatch.setattr(round, "time", SimpleNamespace(monotonic=monotonic))
