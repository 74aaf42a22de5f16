"""Settling a difference, or a trade, beside where it is shown."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, expect

from tests.panel.driver import Panel
from tests.support.stack import Stack


def differs(stack: Stack, panel: Panel, **positions: int) -> Locator:
    """Let the broker hold these, reconcile, and return the table of what disagrees."""
    stack.broker.positions("paper", **positions)
    panel.press("Reconcile")
    expect(panel.page.locator("#reconciliation")).to_have_text("Disagrees")
    return panel.page.get_by_role("region", name="What disagrees")


def bought(stack: Stack, shares: int) -> str:
    """An open trade of AAPL that was entered long enough ago not to be in flight."""
    trade = stack.open_trade("AAPL", shares)
    stack.sql(
        "UPDATE bot_trade SET entry_at = now() - interval '5 min', created_at = now() - interval '5 min' WHERE id = %s",
        [trade],
    )
    return trade


def dialog_of(panel: Panel, name: str) -> Locator:
    dialog = panel.page.get_by_role("dialog", name=name)
    expect(dialog).to_be_visible()
    return dialog


def choices(dialog: Locator) -> list[str]:
    return [text.split(" – ")[0] for text in dialog.locator("fieldset label").all_inner_texts()]


def settle(dialog: Locator, action: str, reason: str = "seen there", **fields: Any) -> None:
    dialog.get_by_label(re.compile(f"^{action} –")).check()
    for label, value in fields.items():
        dialog.get_by_role("textbox", name=label.replace("_", " ")).fill(str(value))
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Settle").click()


def test_an_unknown_position_is_adopted_beside_its_difference_and_the_books_agree(stack, panel):
    table = differs(stack, panel, RIOT=35)
    table.get_by_role("button", name="Settle RIOT…").click()
    dialog = dialog_of(panel, "Settle RIOT")
    expect(dialog).to_contain_text("0 shares here, 35 at Alpaca: not in the database.")
    assert choices(dialog) == ["Adopt", "Ignore"]
    expect(dialog.locator("fieldset")).to_contain_text("35 shares of RIOT become an open trade")

    dialog.get_by_role("button", name="Settle").click()
    expect(dialog.get_by_label("Reason")).to_be_focused()
    assert stack.commands()[-1]["kind"] != "settle", "nothing is sent without a reason"
    for width in (1280, 390):
        panel.resize(width)
        assert panel.page.evaluate("document.documentElement.scrollWidth") <= width
        box = dialog.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width

    settle(dialog, "Adopt", "bought by hand", Entry_price="9.75")
    expect(dialog).to_be_hidden()
    panel.expect_outcome("Settle: adopt RIOT")
    panel.expect_outcome("applied")
    expect(panel.page.locator("#reconciliation")).to_have_text("Agrees")
    expect(panel.page.locator("#differences")).to_be_hidden()
    [trade] = stack.api().read("/trades?symbol=RIOT")["items"]
    assert (trade["shares"], trade["entryPrice"], trade["status"]) == (35, 9.75, "open")
    row = next(each for each in reversed(stack.commands()) if each["kind"] == "settle")
    assert (row["source"], row["actor"], row["reason"]) == ("panel", "operator", "bought by hand")


def test_what_is_ignored_is_watched_again_from_the_log(stack, panel):
    table = differs(stack, panel, TSLA=3)
    table.get_by_role("button", name="Settle TSLA…").click()
    settle(dialog_of(panel, "Settle TSLA"), "Ignore", "my own")
    expect(panel.page.locator("#reconciliation")).to_have_text("Agrees")
    log = panel.page.get_by_role("region", name="Command log")
    log.get_by_role("button", name="Settle TSLA…").click()
    settle(dialog_of(panel, "Settle TSLA"), "Watch again", "no longer mine")
    expect(panel.page.locator("#reconciliation")).to_have_text("Disagrees")
    stack.broker.positions("paper")


def test_a_split_is_adjusted_with_what_alpaca_holds_filled_in(stack, panel):
    trade = bought(stack, 100)
    table = differs(stack, panel, AAPL=10)
    table.get_by_role("button", name="Settle AAPL…").click()
    dialog = dialog_of(panel, "Settle AAPL")
    assert choices(dialog) == ["Close", "Adjust"]
    expect(dialog.get_by_role("textbox", name="Shares")).to_have_value("90")
    dialog.get_by_label(re.compile("^Adjust –")).check()
    expect(dialog.get_by_role("textbox", name="Shares")).to_have_value("10")
    expect(dialog.get_by_label("Exit price")).to_be_hidden()
    settle(dialog, "Adjust", "1:10 reverse split", Entry_price="8")
    expect(panel.page.locator("#reconciliation")).to_have_text("Agrees")
    [row] = stack.sql("SELECT shares, entry_price FROM bot_trade WHERE id = %s", [trade])
    assert (row["shares"], row["entry_price"]) == (10, 8)


def test_a_wrong_field_leaves_the_dialog_open_with_the_servers_sentence(stack, panel):
    bought(stack, 100)
    table = differs(stack, panel, AAPL=60)
    table.get_by_role("button", name="Settle AAPL…").click()
    dialog = dialog_of(panel, "Settle AAPL")
    for typed, sentence in (
        ("cheap", "must be a number"),
        ("10,5", "is not clear: write 10.5 for a decimal"),
    ):
        settle(dialog, "Close", Exit_price=typed)
        said = f"Nothing was changed. Exit price in US dollars {sentence}"
        expect(dialog.get_by_role("status")).to_contain_text(said)
    settle(dialog, "Close", Exit_price="10", Shares="101")
    expect(dialog.get_by_role("status")).to_contain_text("holds 100 shares, and 101 were to be exited")
    settle(dialog, "Close", Exit_price="10.50", Shares="40")
    expect(dialog).to_be_hidden()
    expect(panel.page.locator("#reconciliation")).to_have_text("Agrees")


def test_a_surplus_and_another_side_offer_what_fits(stack, panel):
    bought(stack, 10)
    table = differs(stack, panel, AAPL=25)
    table.get_by_role("button", name="Settle AAPL…").click()
    dialog = dialog_of(panel, "Settle AAPL")
    assert choices(dialog) == ["Adopt", "Adjust", "Ignore"]
    expect(dialog.locator("fieldset")).to_contain_text("15 shares of AAPL become an open trade")
    panel.page.keyboard.press("Escape")
    table = differs(stack, panel, AAPL=-5)
    expect(table).to_contain_text("another side")
    table.get_by_role("button", name="Settle AAPL…").click()
    assert choices(dialog_of(panel, "Settle AAPL")) == ["Close", "Write off"]


def test_a_suspect_offers_to_wait(stack, panel):
    bought(stack, 10)
    table = differs(stack, panel)
    expect(table).to_contain_text("gone at Alpaca, for the first time")
    table.get_by_role("button", name="Settle AAPL…").click()
    dialog = dialog_of(panel, "Settle AAPL")
    expect(dialog).to_contain_text("you may wait for it")
    assert choices(dialog) == ["Close", "Write off"]
    settle(dialog, "Write off", "never mind")
    expect(panel.page.locator("#reconciliation")).to_have_text("Agrees")


def test_an_unsettled_trade_is_acknowledged_or_closed_in_the_list(stack, panel):
    trade = stack.open_trade("KTRA", 10)
    stack.sql("UPDATE bot_trade SET status = 'missed' WHERE id = %s", [trade])
    trades = panel.open_tab("Trades")
    button = trades.get_by_role("button", name="Settle the trade of KTRA…")
    button.click()
    dialog = dialog_of(panel, "Settle the trade of KTRA")
    assert choices(dialog) == ["Acknowledge", "Close", "Reopen"]
    settle(dialog, "Acknowledge")
    expect(dialog).to_be_hidden()
    expect(trades.get_by_role("row").nth(1)).to_contain_text("Settled (acknowledge) by operator")
    button.click()
    assert choices(dialog) == ["Close", "Reopen"]
    settle(dialog, "Close", Exit_price="12.50")
    expect(trades.get_by_role("row").nth(1)).to_contain_text("closed")
    assert stack.api().read("/trades?symbol=KTRA")["items"][0]["status"] == "closed"


def test_a_viewer_is_offered_nothing(stack, open_panel):
    stack.broker.positions("paper", RIOT=35)
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    panel = open_panel(stack, "viewer")
    expect(panel.page.locator("#differences")).to_be_visible()
    expect(panel.page.get_by_role("button", name=re.compile("^Settle"))).to_have_count(0)


def test_reports_say_whether_both_sides_agree_and_unknown_counts_are_no_zeros(stack, panel):
    bought(stack, 10)
    differs(stack, panel, AAPL=25)
    stack.broker.faults({"kind": "500", "path": "/v2/positions"})
    panel.press("Reconcile")
    expect(panel.page.locator("#reconciliation")).to_have_text("Failed")
    reports = panel.open_tab("Reconciliations")
    failed, disagreed = reports.get_by_role("row").nth(1), reports.get_by_role("row").nth(2)
    expect(failed.locator('td[data-label="Outcome"]')).to_have_text("Failed")
    for label in ("Open here", "At Alpaca", "Matched", "Missed", "In flight"):
        expect(failed.locator(f'td[data-label="{label}"]')).to_have_text("–")
    expect(disagreed.locator('td[data-label="Outcome"]')).to_have_text("Disagrees")
    good = panel.page.evaluate("getComputedStyle(document.body).getPropertyValue('--good')")
    assert disagreed.locator(".outcome").evaluate("node => getComputedStyle(node).color") != good
    outcomes = reports.locator('td[data-label="Outcome"]')
    for option, text in (("disagrees", "Disagrees"), ("agrees", "Agrees"), ("failed", "Failed")):
        reports.get_by_label("Outcome").select_option(option)
        expect(outcomes.first).to_have_text(text)
        expect(outcomes.filter(has_not_text=text)).to_have_count(0)
