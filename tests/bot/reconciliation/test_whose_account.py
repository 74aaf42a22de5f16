"""The account that a mode is bound to, and those that are not it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from bot.models import Outcome, Trigger
from tests.bot.world import World


def test_the_first_success_binds_the_account_and_later_ones_keep_it(world: World) -> None:
    world.paper.fails({"kind": "500", "path": "/v2/positions"})
    world.reconcile()
    assert world.config.paper_account_id is None, "a failure binds nothing"
    world.paper.fails()
    account_id = world.paper.is_()["id"]
    report = world.reconcile()
    assert report.account_id == world.config.paper_account_id == account_id
    assert world.config.live_account_id is None
    world.reconcile()
    assert world.config.paper_account_id == account_id


def test_a_success_with_differences_binds_the_account_too(world: World) -> None:
    world.paper.holds(AAPL=1)
    world.reconcile()
    assert world.config.paper_account_id == world.paper.is_()["id"]


def test_another_account_is_a_failure_and_touches_nothing(world: World) -> None:
    trade = world.trade("AAPL", 10)
    world.paper.holds(AAPL=10)
    bound = world.paper.is_()["id"]
    assert world.reconcile().outcome is Outcome.OK
    other = str(uuid4())
    world.paper.is_(id=other)
    world.paper.holds()
    report = world.reconcile(Trigger.MANUAL)
    assert (report.outcome, report.error_code, report.missed) == (Outcome.FAILED, "account_mismatch", None)
    assert report.account_id == other
    assert other in (report.error or "")
    assert bound in (report.error or "")
    assert not world.reconciled()
    assert world.status_of(trade) == "open"
    assert world.config.paper_account_id == bound
    world.paper.is_(id=bound)
    world.paper.holds(AAPL=10)
    assert world.reconcile().outcome is Outcome.OK
    assert world.reconciled()


def test_the_account_of_the_other_mode_is_refused_and_not_bound(world: World) -> None:
    trade = world.trade("AAPL", 10)
    account = world.paper.is_()["id"]
    world.set_config(live_account_id=account)
    report = world.reconcile_twice(Trigger.MANUAL)
    assert (report.outcome, report.error_code, report.missed) == (Outcome.FAILED, "account_mismatch", None)
    assert "the account of the other mode" in (report.error or "")
    assert (world.config.paper_account_id, world.reconciled()) == (None, False)
    assert world.status_of(trade) == "open"


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
def test_a_blocked_account_keeps_the_gate_closed_and_trades_as_they_are(world: World, flag: str) -> None:
    trade = world.trade("AAPL", 10)
    world.paper.is_(**{flag: True})
    report = world.reconcile()
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "account_blocked")
    assert report.error == f"Alpaca does not let the paper account trade: {flag}."
    assert (report.open_trades, report.broker_positions) == (None, None)
    assert not world.reconciled()
    assert world.status_of(trade) == "open"
    assert world.config.paper_account_id is None
    world.paper.is_(**{flag: False})
    world.paper.holds(AAPL=10)
    world.reconcile()
    assert world.reconciled()
    world.paper.is_(**{flag: True})
    world.reconcile()
    assert not world.reconciled(), "and it closes an open gate"


def test_a_mode_without_keys_fails_with_a_sentence(make_world: Callable[..., World]) -> None:
    world = make_world(alpaca_paper_api_key=None, alpaca_paper_api_secret=None)
    trade = world.trade()
    report = world.reconcile()
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "credentials_missing")
    assert "ALPACA_PAPER_API_KEY" in (report.error or "")
    assert world.status_of(trade) == "open"
    assert not world.reconciled()
