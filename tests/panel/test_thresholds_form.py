"""The form of the thresholds: what is refused, what is shown before it is saved, what comes in from elsewhere."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_a_threshold_shows_the_servers_own_error_and_nothing_is_saved(stack, panel):
    form = panel.open_tab("Thresholds")
    form.get_by_label("Daily loss limit").fill("-20")
    form.get_by_label("Position size").fill("750")
    form.get_by_label("Min. win rate").fill("1.5")
    panel.save_thresholds(form, 3)
    said = stack.api().patch("/config", {"dailyLossLimitUsd": -20, "minWinRate": 1.5}).json()["details"]
    for name, label in (("dailyLossLimitUsd", "Daily loss limit"), ("minWinRate", "Min. win rate")):
        [reason] = said["fields"][name]
        predicate = reason.replace("Input should", "must")  # the rest is the server's, word for word
        expect(form.locator(f"#e-{name}")).to_have_text(f"{label} {predicate}.")
        expect(form.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_role("status")).to_contain_text("Nothing was saved")
    expect(form.get_by_label("Daily loss limit")).to_be_focused()
    assert stack.api().read("/config")["positionSizeUsd"] == 500

    form.get_by_label("Daily loss limit").fill("450.50")
    form.get_by_label("Min. win rate").fill("0.6")
    form.get_by_label("Reason").fill("quieter")
    form.get_by_label("4", exact=True).uncheck()
    expect(form.get_by_label("Count open loss")).to_be_checked()
    form.get_by_label("Count open loss").uncheck()
    panel.save_thresholds(form, 5)
    expect(form.get_by_role("status")).to_contain_text("Saved")
    config = stack.api().read("/config")
    assert (config["dailyLossLimitUsd"], config["minWinRate"], config["positionSizeUsd"]) == (450.5, 0.6, 750)
    assert (config["enabledCatalystTiers"], config["countOpenLoss"]) == ([1, 2, 3], False)
    assert stack.commands()[-1]["reason"] == "quieter"
    expect(panel.page.locator("#pnl-note")).to_contain_text("$450.50")


def test_a_number_that_could_be_meant_in_two_ways_is_refused_with_a_sentence(stack, panel):
    form = panel.open_tab("Thresholds")
    field, error = form.get_by_label("Hard stop loss"), form.locator("#e-hardStopLossPct")
    before = len(stack.commands())
    for typed, sentence in (
        ("7,5", "is not clear: write 7.5 for a decimal"),
        ("2,5", "is not clear: write 2.5"),
        ("1,00", "is not clear"),
        ("0x10", "must be a number"),
        ("1e1", "must be a number"),
        ("10,00,0", "must be a number"),
        ("", "must be a number"),
        ("7 5", "must be a number"),
        ("Infinity", "must be a number"),
    ):
        field.fill(typed)
        form.get_by_role("button", name="Save 1 change").click()
        expect(error).to_contain_text(sentence)
        expect(field).to_be_focused()
    assert len(stack.commands()) == before, "nothing was sent"
    assert stack.api().read("/config")["hardStopLossPct"] == 7


def test_old_and_new_are_shown_before_thresholds_are_saved(stack, panel):
    form = panel.open_tab("Thresholds")
    form.get_by_label("Max. float").fill("2,000,000")
    expect(form.locator('[data-field="maxFloatShares"] .change')).to_have_text("20,000,000 → 2,000,000")
    form.get_by_label("Position size").fill("600")
    form.get_by_role("button", name="Save 2 changes").click()
    dialog = panel.page.get_by_role("dialog", name="Save these changes?")
    expect(dialog.get_by_role("row").nth(1)).to_contain_text(
        re.compile(r"Max. float\s*20,000,000\s*→ 2,000,000 shares")
    )
    expect(dialog.get_by_role("row").nth(1)).to_contain_text("1/10 of what it is")
    expect(dialog.get_by_role("row").nth(2)).to_contain_text(re.compile(r"Position size\s*500\s*→ 600 USD"))
    before = len(stack.commands())
    dialog.get_by_role("button", name="Cancel").click()
    assert len(stack.commands()) == before
    panel.save_thresholds(form, 2)
    expect(form.get_by_role("status")).to_contain_text("Saved")
    config = stack.api().read("/config")
    assert (config["maxFloatShares"], config["positionSizeUsd"]) == (2_000_000, 600)
    log = panel.open_tab("Command log")
    expect(log.get_by_role("row").nth(1)).to_contain_text("max float shares 20000000 → 2000000")


def test_a_threshold_changed_elsewhere_comes_in_but_not_over_what_is_being_typed(stack, panel):
    form = panel.open_tab("Thresholds")
    form.get_by_label("Position size").fill("123")
    changed = stack.api().patch("/config", {"positionSizeUsd": 900, "maxSharePrice": 33})
    assert changed.status_code == 200
    expect(form.get_by_label("Max. share price")).to_have_value("33")
    expect(form.get_by_label("Position size")).to_have_value("123")
