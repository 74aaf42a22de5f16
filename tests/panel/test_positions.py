"""What is open, and what it is worth: at the top of the panel, live."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.faults.flatten_run import FlattenRun
from tests.panel.driver import Panel
from tests.support.stack import Stack

MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def holding(stack: Stack) -> FlattenRun:
    """10 AAPL and 4 MSFT short, bought at 10 and traded by the bot, of which the broker says what they are worth."""
    run = FlattenRun(stack)
    run.holds(AAPL=10, MSFT=-4)
    stack.sql("UPDATE bot_trade SET catalyst_type = 'fda_approval', catalyst_tier = 1 WHERE symbol = 'AAPL'")
    prices(stack, AAPL="12.50", MSFT="11")
    reconcile(stack)
    return run


def prices(stack: Stack, **values: str) -> None:
    stack.broker.control("PUT", "/prices", values)


def reconcile(stack: Stack) -> None:
    stack.sql("UPDATE bot_reconciliation SET requests = 0")
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})


def row(panel: Panel, symbol: str) -> Locator:
    return panel.page.locator(f'#positions-rows tr[data-symbol="{symbol}"]')


def cell(found: Locator, label: str) -> Locator:
    return found.locator(f'td[data-label="{label}"]')


def test_every_position_is_there_with_its_worth_its_order_and_its_catalyst(holding, stack, open_panel):
    panel: Panel = open_panel(stack)
    aapl, msft = row(panel, "AAPL"), row(panel, "MSFT")
    for label, text in {
        "Side": "long",
        "Shares": "10",
        "Entry": "$10.00",
        "Price": "$12.50",
        "Open P&L": "+$25.00 (+25.0 %)",
        "Hard stop": f"$9.30 {MINUS}25.6 %",
        "Order": "filled",
        "Catalyst": "fda approval, tier 1",
    }.items():
        expect(cell(aapl, label)).to_have_text(text)
    expect(cell(aapl, "Held")).to_have_text(re.compile(r"^2 min|^3 min"))
    expect(cell(msft, "Side")).to_have_text("short")
    expect(cell(msft, "Open P&L")).to_have_text(f"{MINUS}$4.00 ({MINUS}10.0 %)")
    expect(cell(msft, "Hard stop")).to_contain_text("$10.70")
    account = stack.api().read("/account")
    expect(panel.page.locator("#equity")).to_have_text(f"${account['equity']:,.2f}")
    expect(panel.page.locator("#buying-power")).to_have_text(f"${account['buyingPower']:,.2f}")
    expect(panel.page.locator("#open-pnl")).to_have_text("+$21.00")
    expect(panel.page.locator("#reading-age")).to_contain_text("prices read")


def test_every_reading_is_on_the_page_by_itself(holding, stack, open_panel):
    """How soon is measured, by ``measure_positions``."""
    panel: Panel = open_panel(stack)
    expect(cell(row(panel, "AAPL"), "Price")).to_have_text("$12.50")
    for price in ("12.60", "12.70"):
        prices(stack, AAPL=price)
        reconcile(stack)
        expect(cell(row(panel, "AAPL"), "Price")).to_have_text(f"${price}")
    panel.expect_never_reloaded()


def test_a_recorded_fill_is_on_the_page_before_the_next_reading(stack, panel):
    stack.open_trade("KTRA", 7)
    expect(cell(row(panel, "KTRA"), "Shares")).to_have_text("7")
    expect(cell(row(panel, "KTRA"), "Price")).to_have_text("–")


def test_one_position_is_closed_and_the_others_stay(holding, stack, open_panel):
    panel: Panel = open_panel(stack)
    row(panel, "AAPL").get_by_role("button", name="Close AAPL").click()
    dialog = panel.page.get_by_role("dialog", name="Close AAPL?")
    expect(dialog).to_contain_text("sell 10 AAPL +$25.00")
    expect(dialog).not_to_contain_text("MSFT")
    dialog.get_by_role("button", name="Close AAPL now").click()
    expect(row(panel, "AAPL")).to_have_count(0, timeout=20_000)
    expect(row(panel, "MSFT")).to_have_count(1)
    assert stack.commands()[-1]["params"] == {"symbol": "AAPL"}


def test_a_trade_is_corrected_and_its_events_are_read_beside_its_position(holding, stack, open_panel):
    panel: Panel = open_panel(stack)
    row(panel, "AAPL").get_by_role("button", name="Correct the trade of AAPL").click()
    dialog = panel.page.get_by_role("dialog", name="Settle the trade of AAPL")
    dialog.get_by_label(re.compile("^Adjust –")).check()
    dialog.get_by_role("textbox", name="Entry price").fill("9.50")
    dialog.get_by_label("Reason").fill("the broker corrected it")
    dialog.get_by_role("button", name="Settle").click()
    expect(dialog).to_be_hidden()
    row(panel, "AAPL").get_by_role("button", name="Events of the trade of AAPL").click()
    events = panel.page.get_by_role("dialog", name="What happened to the trade of AAPL")
    expect(events).to_contain_text("adjusted")
    expect(events).to_contain_text("by operator: the broker corrected it")
    expect(events).to_contain_text("entry price: 10 → 9.5")


def test_kill_says_what_stays_open_and_the_warning_after_it_names_it_with_a_way_on(
    holding, stack, open_panel
):
    panel: Panel = open_panel(stack)
    panel.kill_button.click()
    dialog = panel.page.get_by_role("dialog", name="Kill the bot?")
    expect(dialog).to_contain_text("2 positions, worth about $169")
    for width in (1280, 390):
        panel.resize(width)
        for symbol in ("AAPL", "MSFT"):
            expect(dialog.get_by_text(symbol)).to_be_in_viewport()
    expect(dialog.get_by_role("listitem")).to_have_text(["10 AAPL +$25.00", f"4 MSFT short {MINUS}$4.00"])
    dialog.get_by_role("button", name="Kill now").click()
    warning = panel.page.locator("#unwatched")
    expect(warning).to_contain_text("2 positions are open while the bot is stopped")
    expect(warning.get_by_role("listitem")).to_have_text(["10 AAPL +$25.00", f"4 MSFT short {MINUS}$4.00"])
    warning.get_by_role("button", name="Flatten…").click()
    flatten = panel.page.get_by_role("dialog", name="Flatten the account?")
    expect(flatten.get_by_role("listitem")).to_have_text(
        ["sell 10 AAPL +$25.00", f"buy 4 MSFT short {MINUS}$4.00"]
    )


def test_a_kill_flattens_too_where_that_is_ticked(holding, stack, open_panel):
    panel: Panel = open_panel(stack)
    panel.kill_button.click()
    dialog = panel.page.get_by_role("dialog", name="Kill the bot?")
    dialog.get_by_label("Flatten, too").check()
    dialog.get_by_role("button", name="Kill now").click()
    panel.expect_state("Killed")
    assert stack.commands()[-1]["params"] == {"flatten": True}
    expect(panel.page.locator("#positions-none")).to_have_text("Nothing is open.", timeout=20_000)


def test_on_a_phone_state_money_positions_and_kill_are_on_the_first_screen(holding, stack, open_panel):
    panel: Panel = open_panel(stack, width=390, height=844)
    for shown in (
        "#state-word",
        "#realized",
        "#equity",
        '[data-symbol="AAPL"]',
        '[data-symbol="MSFT"]',
        "#kill",
    ):
        expect(panel.page.locator(shown)).to_be_in_viewport(ratio=1)
    aapl = row(panel, "AAPL")
    box = aapl.bounding_box()
    assert box is not None
    assert box["height"] < 48, "one row"
    expect(cell(aapl, "Catalyst")).to_be_hidden()
    aapl.get_by_role("button", name="Details of AAPL").click()
    expect(cell(aapl, "Catalyst")).to_be_visible()
    expect(aapl.get_by_role("button", name="Close AAPL")).to_be_visible()
    assert panel.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_viewer_reads_positions_and_can_close_nothing(holding, stack, open_panel):
    panel: Panel = open_panel(stack, "viewer")
    expect(cell(row(panel, "AAPL"), "Shares")).to_have_text("10")
    expect(row(panel, "AAPL").get_by_role("button", name=re.compile("Close|Correct"))).to_have_count(0)
    expect(row(panel, "AAPL").get_by_role("button", name="Events")).to_have_count(1)


def test_a_button_that_is_pressed_while_its_row_changes_is_not_lost(holding, stack, open_panel):
    panel: Panel = open_panel(stack)
    button = row(panel, "AAPL").get_by_role("button", name="Events of the trade of AAPL")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    mouse = panel.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    prices(stack, AAPL="12.75")
    reconcile(stack)
    expect(panel.page.locator("#open-pnl")).to_have_text("+$23.50")
    mouse.up()
    expect(panel.page.get_by_role("dialog", name="What happened to the trade of AAPL")).to_be_visible()
    panel.page.keyboard.press("Escape")
    expect(row(panel, "AAPL")).to_contain_text("$12.75")
