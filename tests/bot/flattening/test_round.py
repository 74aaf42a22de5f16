"""One round of a flatten at the sandbox, without a database: what it reads, cancels, closes and says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.flattening.plan import Closing, Goal
from bot.flattening.round import BrokerRound
from bot.states import Mode
from tests.bot.account import Account
from tests.bot.world import settings_for
from tests.support.waiting import wait_for

STARTED = datetime(2026, 11, 24, 15, tzinfo=UTC)


class Round:
    """One account, and a round on it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        #: What was about to be closed, and the closings that had been sent by then.
        self.before: list[str] = []
        self.closed_before = 0
        self.settings = settings_for(
            "postgresql://nobody@127.0.0.1:1/none",
            alpaca_paper_url=account.url,
            alpaca_paper_api_key=account.key,
            alpaca_paper_api_secret="s",
        )

    def __call__(self, mode: Mode = Mode.PAPER, account_id: str | None = None, **goal: Any) -> BrokerRound:
        def before_closing(closings: Iterable[Closing]) -> None:
            self.before = [each.position.symbol for each in closings]
            self.closed_before = self.closings()

        one = BrokerRound(self.settings, mode, account_id, Goal(started_at=STARTED, **goal))
        one.run(before_closing)
        return one

    def changes(self) -> list[tuple[str, str]]:
        rows = self.account.control("GET", f"/requests?key={self.account.key}")
        return [(row["method"], row["path"]) for row in rows if row["method"] != "GET"]

    def closings(self) -> int:
        return sum(path.startswith("/v2/positions") for _, path in self.changes())

    def held(self) -> dict[str, Decimal]:
        rows = self.account.control("GET", f"/accounts/{self.account.key}")["positions"]
        return {row["symbol"]: Decimal(row["qty"]) for row in rows}


@pytest.fixture
def round_(account: Callable[[], Account]) -> Iterator[Round]:
    made = account()
    made.holds(AAPL=10, MSFT=-4)
    yield Round(made)
    made.control("PUT", "/halts", [])


def sent(found: BrokerRound) -> list[tuple[str, str]]:
    return [(each.symbol, f"{each.shares:f}") for each in found.sent]


def test_each_position_is_closed_and_its_order_is_known(round_: Round) -> None:
    found = round_()
    assert (found.error, found.rejected, found.not_cancelled, found.retry_after_sec) == (None, {}, [], 0.0)
    assert found.is_open
    assert sent(found) == [("AAPL", "10"), ("MSFT", "4")]
    assert (round_.before, round_.closed_before, round_.closings()) == (["AAPL", "MSFT"], 0, 2)
    wait_for(lambda: round_.held() == {}, 20, "both are closed")


def test_one_order_is_cancelled_by_itself_and_several_at_once(round_: Round) -> None:
    round_.account.holds()
    first = round_.account.order("new", "GOOG")
    assert round_().error is None
    assert round_.changes()[0] == ("DELETE", f"/v2/orders/{first}")
    round_.account.order("new", "GOOG")
    round_.account.order("new", "TSLA")
    round_()
    assert round_.changes()[-1] == ("DELETE", "/v2/orders")
    found = round_()
    assert found.plan is not None
    assert found.plan.orders_left == 0


def test_a_part_that_is_ignored_stays(round_: Round) -> None:
    found = round_(ignored={"AAPL": Decimal(3), "MSFT": Decimal(-4)})
    assert sent(found) == [("AAPL", "7")]
    wait_for(lambda: round_.held() == {"AAPL": 3, "MSFT": -4}, 20, "the rest is closed")


@pytest.mark.parametrize("account_id", [None, "its own", "another"])
def test_an_account_that_is_not_the_bound_one_is_left_alone(round_: Round, account_id: str | None) -> None:
    own = round_.account.is_()["id"]
    found = round_(account_id=own if account_id == "its own" else account_id)
    if account_id == "another":
        assert found.error is not None
        assert f"belong to Alpaca account {own}, but paper mode is bound to another" in found.error
        assert (found.plan, found.sent, round_.changes()) == (None, [], [])
    else:
        assert (found.error, len(found.sent)) == (None, 2)


def test_a_mode_without_keys_says_which_to_set(round_: Round) -> None:
    found = round_(Mode.LIVE)
    assert found.error == (
        "The live account has no keys: set ALPACA_LIVE_API_KEY and ALPACA_LIVE_API_SECRET, then restart."
    )
    assert (found.plan, round_.changes()) == (None, [])


def test_a_rejected_closing_keeps_no_other_waiting_and_comes_last_the_next_time(round_: Round) -> None:
    round_.account.control("PUT", "/halts", ["AAPL"])
    found = round_()
    assert [*found.rejected] == ["AAPL"]
    assert found.rejected["AAPL"].startswith("AAPL: ")
    assert "Whether it was done" not in found.rejected["AAPL"]
    assert [each.symbol for each in found.sent] == ["MSFT"]
    wait_for(lambda: round_.held() == {"AAPL": 10}, 20, "the other one is closed")
    round_.account.control("PUT", "/halts", [])
    round_.account.holds(AAPL=10, GOOG=2)
    again = round_(rejected=frozenset({"AAPL"}))
    assert [each.symbol for each in again.sent] == ["GOOG", "AAPL"]


def test_a_closing_whose_answer_is_lost_says_that_it_will_show(round_: Round) -> None:
    round_.account.fails({"kind": "500", "path": "/v2/positions/", "method": "DELETE", "times": 1})
    found = round_()
    assert found.rejected["AAPL"].endswith("Whether it was done shows in a moment.")
    assert [each.symbol for each in found.sent] == ["MSFT"]


def test_too_many_requests_end_the_round_at_once(round_: Round) -> None:
    rule = {"kind": "429", "path": "/v2/positions/", "method": "DELETE", "times": 1, "retry_after": 7}
    round_.account.fails(rule)
    found = round_()
    assert (found.sent, found.rejected, found.retry_after_sec) == ([], {}, 7.0)
    assert found.error is not None
    assert found.plan is not None
    assert len(round_.changes()) == 1


def test_an_order_that_cannot_be_cancelled_is_told_and_the_others_go_on(round_: Round) -> None:
    round_.account.order("new", "GOOG")
    round_.account.fails({"kind": "500", "path": "/v2/orders/", "method": "DELETE", "times": 1})
    found = round_()
    [told] = found.not_cancelled
    assert told.startswith("GOOG: ")
    assert (found.error, len(found.sent)) == (None, 2)


def test_what_is_gone_meanwhile_is_no_trouble(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    one = BrokerRound(round_.settings, Mode.PAPER, None, Goal(started_at=STARTED))
    one.run(lambda _: round_.account.holds(MSFT=-4))
    assert ([each.symbol for each in one.sent], one.rejected, one.error) == (["MSFT"], {}, None)


@pytest.mark.parametrize("kind", ["500", "html", "truncated"])
def test_an_account_that_cannot_be_read_is_told_and_nothing_is_done(round_: Round, kind: str) -> None:
    round_.account.fails({"kind": kind, "path": "/v2/positions", "method": "GET"})
    found = round_()
    assert found.error
    assert (found.plan, found.retry_after_sec, round_.changes()) == (None, 0.0, [])


def test_a_list_that_the_accounts_own_value_contradicts_is_no_flat_account(round_: Round) -> None:
    round_.account.fails({"kind": "empty", "path": "/v2/positions", "method": "GET"})
    found = round_()
    assert found.plan is None
    assert "contradicts its own account" in str(found.error)
    assert round_(symbols=frozenset({"TSLA"})).error is None, "of one symbol it says nothing"
