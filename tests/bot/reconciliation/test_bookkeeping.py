"""What a verdict does to the books: not more than was judged, and only if nothing changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from bot.models import Outcome, Trigger
from bot.reconciliation import bookkeeping
from bot.reconciliation.judgement import judge
from tests.bot.fake_account import FakeAccount
from tests.bot.fake_holdings import asset_id
from tests.bot.reconciliation.reports import reading
from tests.bot.world import World

Fake = World[FakeAccount]


@contextmanager
def after_the_judgement(act: Callable[[], object]) -> Iterator[None]:
    """Do something between the judgement and the booking of it."""

    def judge_and_act(*given: Any) -> Any:
        verdict = judge(*given)
        act()
        return verdict

    with patch.object(bookkeeping, "judge", judge_and_act):
        yield


# -- a trade that another program changes at the last moment ----------------------------------------------------


def test_a_trade_that_changes_before_it_is_written_off_is_open_and_keeps_the_gate_closed(
    world: World,
) -> None:
    trade, other = world.trade("AAPL"), world.trade("TSLA")
    world.reconcile()
    world.age_suspects()
    evidence = reading(world)
    with after_the_judgement(lambda: world.sql("UPDATE bot_trade SET note = 'seen' WHERE id = %s", [trade])):
        report = world.controller.conclude(evidence, Trigger.RETRY)
    assert (report.outcome, report.error_code, report.missed) == (Outcome.FAILED, "stale_evidence", None)
    assert report.error == "Trades changed while Alpaca was read."
    assert [world.status_of(each) for each in (trade, other)] == ["open", "open"]
    assert world.sql("SELECT kind FROM bot_alert WHERE kind = 'trades_missed'") == []
    assert not world.reconciled()
    assert world.reconcile(Trigger.RETRY).missed == 2


def test_a_trade_that_changes_before_it_is_made_void_is_open_and_keeps_the_gate_closed(world: World) -> None:
    trade, other = (
        world.trade(symbol, filled=False, alpaca_order_id=world.paper.order("canceled", symbol))
        for symbol in ("AAPL", "TSLA")
    )
    evidence = reading(world)
    with after_the_judgement(lambda: world.sql("UPDATE bot_trade SET note = 'seen' WHERE id = %s", [trade])):
        report = world.controller.conclude(evidence, Trigger.RETRY)
    assert (report.outcome, report.error_code, report.voided) == (Outcome.FAILED, "stale_evidence", None)
    assert [world.status_of(each) for each in (trade, other)] == ["open", "open"]
    assert not world.reconciled()
    assert world.reconcile(Trigger.RETRY).voided == 2


def test_a_sale_of_a_trade_that_is_closed_before_it_is_booked_leaves_all_as_it_is(fake_world: Fake) -> None:
    at = fake_world.ago(120)
    entry = fake_world.paper.order("filled", "AAPL", 10, at=at, price="10.25")
    trade = fake_world.trade("AAPL", 10, alpaca_order_id=entry, filled=True)
    other = fake_world.trade("TSLA", 10, alpaca_order_id=fake_world.paper.order("canceled", "TSLA"))
    sold = fake_world.paper.order("new", "AAPL", 10, side="sell", at=fake_world.ago(100))
    fake_world.paper.fill(sold, 10, 12, fake_world.ago(100))
    evidence = reading(fake_world)

    def close() -> None:
        fake_world.sql(
            "UPDATE bot_trade SET status = 'closed', exited_shares = 10, exit_at = now() WHERE id = %s",
            [trade],
        )

    with after_the_judgement(close):
        report = fake_world.controller.conclude(evidence, Trigger.PERIODIC)
    assert (report.outcome, report.error_code, report.booked) == (Outcome.FAILED, "stale_evidence", None)
    assert (report.error or "").startswith("What Alpaca shows could not be booked: ")
    assert fake_world.exits(trade) == []
    assert fake_world.status_of(other) == "open"
    assert not fake_world.reconciled()


# -- a reading that a newer one overtook ------------------------------------------------------------------------


def test_an_older_reading_that_is_judged_late_makes_no_trade_suspect(fake_world: Fake) -> None:
    """Otherwise the next reading would be taken for the second one, and write the trade off."""
    trade = fake_world.trade("AAPL", 10, asset_id=asset_id("AAPL"))
    old = reading(fake_world)
    fake_world.paper.position("AAPL", 10, current=11)
    assert fake_world.reconcile().matched == 1
    kept = fake_world.sql("SELECT * FROM bot_broker_reading"), fake_world.sql("SELECT * FROM bot_equity")
    report = fake_world.controller.conclude(old, Trigger.RETRY)
    assert (report.outcome, [each["kind"] for each in report.differences]) == (Outcome.OK, ["suspect"])
    assert fake_world.suspects() == []
    assert kept == (
        fake_world.sql("SELECT * FROM bot_broker_reading"),
        fake_world.sql("SELECT * FROM bot_equity"),
    )
    fake_world.paper.holds()
    assert fake_world.reconcile(Trigger.RETRY).missed == 0
    assert fake_world.status_of(trade) == "open"


def test_nor_does_it_clear_or_write_off_one_that_the_newer_reading_made_suspect(fake_world: Fake) -> None:
    trade = fake_world.trade("AAPL", 10, asset_id=asset_id("AAPL"))
    fake_world.paper.holds(AAPL=10)
    held = reading(fake_world)
    fake_world.paper.holds()
    absent = reading(fake_world)
    assert fake_world.reconcile().suspect == 1
    fake_world.age_suspects()
    for old in (held, absent):
        assert fake_world.controller.conclude(old, Trigger.RETRY).missed == 0
    assert (fake_world.suspects(), fake_world.status_of(trade)) == ([trade], "open")


# -- a holding that changed, but agrees now ---------------------------------------------------------------------


def test_a_trade_that_was_recorded_meanwhile_and_agrees_counts_as_matched(fake_world: Fake) -> None:
    fake_world.paper.holds(AAPL=10, TSLA=10)
    fake_world.trade("TSLA", 10)
    gone = fake_world.trade("GONE", 10)
    evidence = reading(fake_world)
    fake_world.trade("AAPL", 4)
    fake_world.trade("AAPL", 6)
    report = fake_world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.outcome, report.matched) == (Outcome.OK, 3)
    assert fake_world.suspects() == [gone]


# -- nothing but what is meant ----------------------------------------------------------------------------------


def test_a_symbol_change_renames_the_open_trades_of_the_asset_only(fake_world: Fake) -> None:
    """What is closed, and another asset that had the symbol, keep the name of their day."""
    asset = asset_id("FB")
    trade = fake_world.trade("FB", 10, asset_id=asset)
    others = [
        fake_world.trade("FB", 10, asset_id=asset, status="closed", exit_at=fake_world.ago(90)),
        fake_world.trade("FB", 10, asset_id=asset, status="missed"),
        fake_world.trade("FB", 5, asset_id=asset_id("another FB")),
    ]
    fake_world.paper.position("META", 10, asset_id=asset)
    fake_world.reconcile()
    after = fake_world.trades()
    assert after[trade]["symbol"] == "META"
    assert {after[each]["symbol"] for each in others} == {"FB"}
    assert [fake_world.events(each) for each in others] == [[], [], []]


@pytest.mark.parametrize("there", [10, 7], ids=["which agrees", "which differs"])
def test_only_an_open_trade_that_knows_no_asset_learns_it_from_a_position(
    fake_world: Fake, there: int
) -> None:
    trade, other = fake_world.trade("AAPL", 10), fake_world.trade("TSLA", 10)
    closed = fake_world.trade("AAPL", 10, status="closed", exit_at=fake_world.ago(90))
    former = fake_world.trade("AAPL", 10, status="missed", asset_id="a former one")
    fake_world.paper.holds(AAPL=there)
    fake_world.reconcile()
    after = fake_world.trades()
    assert after[trade]["asset_id"] == asset_id("AAPL")
    assert [after[each]["asset_id"] for each in (other, closed, former)] == [None, None, "a former one"]


def test_what_is_learned_in_one_attempt_is_bounded_and_the_rest_follows_in_the_next_one(
    fake_world: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "MOST_LEARNED", 1)
    for symbol in ("AAPL", "TSLA"):
        fake_world.trade(symbol, 10)
    fake_world.paper.holds(AAPL=10, TSLA=10)
    for unknown in (1, 0):
        fake_world.reconcile()
        assert [row["asset_id"] for row in fake_world.trades().values()].count(None) == unknown


def test_a_position_that_is_ignored_in_one_mode_is_a_difference_in_the_other(fake_world: Fake) -> None:
    for mode, symbol in (("live", "AAPL"), ("live", "TSLA"), ("paper", "TSLA"), ("paper", "MSFT")):
        fake_world.sql(
            "INSERT INTO bot_ignored_position (mode, symbol, shares, actor) VALUES (%s, %s, 5, 'a')",
            [mode, symbol],
        )
    fake_world.paper.holds(AAPL=5, TSLA=7, MSFT=5)
    report = fake_world.reconcile()
    assert [(each["symbol"], each["there"]) for each in report.differences] == [("AAPL", "5"), ("TSLA", "7")]
    assert not fake_world.reconciled()
    # of the paper account's one, the quantity has changed
    assert fake_world.sql("SELECT mode, symbol FROM bot_ignored_position ORDER BY mode, symbol") == [
        {"mode": "live", "symbol": "AAPL"},
        {"mode": "live", "symbol": "TSLA"},
        {"mode": "paper", "symbol": "MSFT"},
    ]


def test_an_attempt_that_writes_nothing_off_sends_no_alert_and_one_that_does_names_twenty_symbols(
    fake_world: Fake,
) -> None:
    missed = "SELECT facts FROM bot_alert WHERE kind = 'trades_missed'"
    for number in range(21):
        fake_world.trade(f"GONE{20 - number:02}", 1)
    fake_world.trade("GONE00", 1)
    fake_world.reconcile()
    assert fake_world.sql(missed) == []
    fake_world.age_suspects()
    assert fake_world.reconcile(Trigger.RETRY).missed == 22
    [row] = fake_world.sql(missed)
    assert row["facts"] == {
        "mode": "paper",
        "count": 22,
        "symbols": [f"GONE{number:02}" for number in range(20)],
    }
