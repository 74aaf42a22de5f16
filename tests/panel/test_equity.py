"""The equity curve of the tab Days: its words, and the line that a browser draws."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.panel.axe import SHAPES, check_accessibility, take_shape
from tests.panel.driver import Panel
from tests.support import envelope
from tests.support.stack import Stack

#: Half hours of a session.
BLOCKS = 13


@pytest.fixture
def worth(stack: Stack) -> Stack:
    """What the account was worth on a Friday and a Monday, the evening between, and live."""
    stack.sql("DELETE FROM bot_equity")
    for mode, at, equity, open_pnl in (
        ("paper", "2026-11-20 09:31", 25000, 0),
        ("paper", "2026-11-20 12:00", 25120, 40),
        ("paper", "2026-11-20 15:59", 24990, -60),
        ("paper", "2026-11-20 18:15", 24970, -80),
        ("paper", "2026-11-21 12:00", 24970, -80),
        ("paper", "2026-11-23 09:30", 25010, None),
        ("paper", "2026-11-23 15:30", 25250, 24.5),
        ("live", "2026-11-20 12:00", 9000, 0),
    ):
        stack.sql(
            "INSERT INTO bot_equity VALUES (%s, %s::timestamp AT TIME ZONE 'America/New_York', %s, %s)",
            [mode, at, equity, open_pnl],
        )
    return stack


def choose(panel: Panel, since: str, until: str) -> Locator:
    days = panel.open_tab("Days")
    for name, day in (("From", since), ("To", until)):
        days.get_by_label(name, exact=True).fill(day)
    return days


def drawn(panel: Panel) -> Any:
    """The lines as the chart has them, and how long its axis is."""
    return panel.page.evaluate("""() => {
        const { data, scales } = Chart.getChart("equity-curve");
        return {
            lines: data.datasets.map((set) => set.data.map(({ x, y }) => [x, y])),
            length: scales.x.max,
            ticks: scales.x.ticks.map((tick) => tick.label),
        };
    }""")


def test_the_curve_is_drawn_over_trading_hours_with_what_was_open_and_told_in_words(worth, open_panel):
    panel: Panel = open_panel(worth, width=390, reduced_motion="reduce")
    panel.open_tab("Days").get_by_text("Filters").click()
    choose(panel, "2026-11-20", "2026-11-23")
    expect(panel.page.locator("#equity-title")).to_have_text("Equity, paper")
    expect(panel.page.locator("#equity-text")).to_have_text(
        "From $25,000.00 (Fri, Nov 20, 09:31 ET) to $25,250.00 (Mon, Nov 23, 15:30 ET; +$24.50 of it open):"
        " +$250.00 (+1.0 %). Lowest $24,970.00, highest $25,250.00. One point every 5 min."
    )
    for width, scheme in SHAPES:
        take_shape(panel.page, width, scheme)
        expect(panel.page.get_by_role("img", name=re.compile("Equity, paper.*highest"))).to_be_visible()
        check_accessibility(panel.page)
        assert panel.page.evaluate("document.documentElement.scrollWidth") <= width
        check_curve(drawn(panel))


def check_curve(chart: Any) -> None:
    equity, without_open = chart["lines"]
    # two sessions, and the half hour of the evening in which something changed
    assert chart["length"] == 2 * BLOCKS + 1
    assert equity == [
        [pytest.approx(1 / 30), 25000],
        [5, 25120],
        [pytest.approx(12 + 29 / 30), 24990],
        [13.5, 24970],
        [14, 25010],
        [26, 25250],
    ]
    assert [y for _, y in without_open] == [25000, 25080, 25050, 25050, None, 25225.5]
    assert chart["ticks"] == ["Nov 20", "Nov 23"]


def test_it_follows_the_filters_and_says_where_nothing_is_known(worth, panel):
    days = choose(panel, "2026-11-20", "2026-11-20")
    text = panel.page.locator("#equity-text")
    expect(text).to_contain_text("$24,970.00 (Fri, Nov 20, 18:15 ET")
    assert drawn(panel)["ticks"][:2] == ["10:00", "11:00"]
    days.get_by_label("Mode").select_option("live")
    expect(panel.page.locator("#equity-title")).to_have_text("Equity, live")
    expect(text).to_contain_text("$9,000.00")
    days.get_by_label("From", exact=True).fill("2026-11-21")
    days.get_by_label("To", exact=True).fill("2026-11-21")
    expect(text).to_have_text("No reading of the account is stored for these days.")
    expect(panel.page.locator("#equity-curve")).to_be_hidden()


def test_it_is_of_the_present_mode_and_the_last_thirty_days_unless_something_else_is_asked_for(worth):
    worth.sql(
        "INSERT INTO bot_equity VALUES ('paper', now() - interval '40 days', 1, 0), ('live', now(), 2, 0)"
    )
    worth.sql(
        "INSERT INTO bot_equity VALUES ('paper', date_trunc('minute', now()) - interval '1 hour', 3, 0)"
    )
    found = worth.api("viewer").read("/stats/equity")
    assert found["mode"] == "paper"
    assert {point["equity"] for point in found["points"]}.isdisjoint({1, 2})
    for query in (
        "since=0001-01-01",
        "until=0001-01-01",
        "until=9999-12-31",
        "since=9999-12-31",
        "mode=live",
    ):
        assert worth.api("viewer").read(f"/stats/equity?{query}")["everyMin"] >= 1, query
    envelope.check(worth.api("viewer").get("/stats/equity?since=yesterday"), 422, "validation")
    assert worth.api(None).get("/stats/equity").status_code == 401


def test_a_reading_of_the_broker_is_on_the_curve_at_once(stack, panel):
    stack.sql("DELETE FROM bot_equity")
    panel.open_tab("Days")
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    worth = stack.api().read("/account")["equity"]
    expect(panel.page.locator("#equity-text")).to_contain_text(f"to ${worth:,.2f} (")
    expect(panel.page.locator("#equity-curve")).to_be_visible()
    panel.expect_never_reloaded()
