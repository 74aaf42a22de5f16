"""Days on which what the broker says closes the gate or leaves it open, each with what an operator is told."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from bot import market_hours
from bot.alerts.conditions import CLOCKS_MAY_DIFFER, ConditionMonitor
from bot.models import Outcome, Trigger
from bot.settings.types import MarketHours
from tests.bot.reconciliation.cases import Fake, bought, reasons, running


def test_the_brokers_clock_closes_the_gate_and_an_alert_says_that_the_calendar_disagrees(
    fake_world: Fake,
) -> None:
    running(fake_world)
    nyse = fake_world.settings.model_copy(update={"market_hours": MarketHours.NYSE})
    monitor = ConditionMonitor(fake_world.database, nyse)
    for by_calendar, kind in ((True, "clocks_disagree"), (False, "clocks_agree")):
        fake_world.paper.clock(is_open=False)
        fake_world.reconcile()
        assert reasons(fake_world) == {"market_closed"}
        with patch.object(market_hours, "is_open", lambda *_, answer=by_calendar: answer):
            monitor.check()
            told = fake_world.sql("SELECT 1 FROM bot_alert WHERE kind = 'clocks_disagree'")
            assert by_calendar is not bool(told), "not within the first seconds"
            fake_world.sql("UPDATE bot_condition SET since = since - %s", [CLOCKS_MAY_DIFFER])
            monitor.check()
        alerts = fake_world.sql("SELECT facts FROM bot_alert WHERE kind = %s", [kind])
        assert [alert["facts"]["brokerOpen"] for alert in alerts] == [False]


def test_a_calendar_that_is_set_aside_disagrees_with_nobody(fake_world: Fake) -> None:
    running(fake_world)
    with patch.object(market_hours, "is_open", lambda *_: False):
        ConditionMonitor(fake_world.database, fake_world.settings).check()
    assert fake_world.sql("SELECT 1 FROM bot_condition WHERE name = 'clocks_disagree'") == []


@pytest.mark.parametrize("status", ["INACTIVE", "ACCOUNT_CLOSED", "ONBOARDING"])
def test_an_account_that_is_not_active_closes_the_gate_and_is_named(fake_world: Fake, status: str) -> None:
    running(fake_world)
    fake_world.paper.account(status=status)
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "account_blocked")
    assert status in (report.error or "")
    assert reasons(fake_world) == {"not_reconciled"}


def test_a_leftover_that_is_ignored_keeps_the_gate_open_until_its_quantity_changes(fake_world: Fake) -> None:
    fake_world.paper.holds(BTCUSD="0.000000001")
    assert fake_world.reconcile().differences
    fake_world.sql(
        "INSERT INTO bot_ignored_position (mode, symbol, shares, actor) VALUES ('paper', 'BTCUSD', 0.000000001, 'a')"
    )
    assert fake_world.reconcile().differences == []
    assert fake_world.reconciled()
    fake_world.paper.holds(BTCUSD="0.5")
    assert fake_world.reconcile().differences
    assert not fake_world.reconciled()
    assert fake_world.sql("SELECT 1 FROM bot_ignored_position") == []


def test_a_half_filled_sale_that_is_still_at_it_is_in_order(fake_world: Fake) -> None:
    bought(fake_world)
    running(fake_world)
    order = fake_world.paper.order("new", "AAPL", 100, side="sell")
    fake_world.paper.fill(order, 40, 101)
    fake_world.paper.position("AAPL", 60, 100)
    assert fake_world.reconcile(Trigger.PERIODIC).differences == []
    assert reasons(fake_world) == set()


def test_a_difference_is_told_once_for_each_symbol(fake_world: Fake) -> None:
    running(fake_world)

    def alerts() -> list[list[str]]:
        rows = fake_world.sql(
            "SELECT facts FROM bot_alert WHERE kind = 'reconciliation_differs' ORDER BY seq"
        )
        return [[each["symbol"] for each in row["facts"]["differences"]] for row in rows]

    fake_world.paper.holds(TSLA=3)
    for _ in range(2):
        fake_world.reconcile()
    assert alerts() == [["TSLA"]]
    fake_world.paper.holds(TSLA=3, AAPL=1000)
    for _ in range(2):
        fake_world.reconcile()
    assert alerts() == [["TSLA"], ["AAPL", "TSLA"]]


def test_an_open_loss_closes_the_gate_where_it_counts(fake_world: Fake) -> None:
    bought(fake_world)
    running(fake_world)
    fake_world.paper.position("AAPL", 100, 100, current=90)
    fake_world.reconcile(Trigger.PERIODIC)
    assert reasons(fake_world) == {"daily_loss"}
    fake_world.set_config(count_open_loss=False)
    assert reasons(fake_world) == set()
