"""axe-core's rules for WCAG 2.2 A and AA, the keyboard, and narrow screens."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.panel.axe import check_accessibility
from tests.panel.driver import Panel


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_is_accessible(stack, open_page, scheme):
    page = open_page(color_scheme=scheme)
    page.goto(f"{stack.url}/login")
    check_accessibility(page)
    page.get_by_label("Access token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_accessibility(page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_panel_is_accessible_in_all_its_states(stack, open_panel, width, scheme):
    panel = open_panel(stack, width=width, color_scheme=scheme)
    stack.open_trade("KTRA")
    check_accessibility(panel.page)  # stopped, with a warning
    panel.press("Start")
    panel.expect_state("Running")
    check_accessibility(panel.page)
    panel.press("Pause")
    panel.expect_state("Paused")
    check_accessibility(panel.page)
    panel.kill_button.click()
    check_accessibility(panel.page)
    panel.page.get_by_role("button", name="Kill now").click()
    panel.expect_state("Killed")
    stack.broker.positions("paper", RIOT=35)
    panel.press("Reconcile")
    expect(panel.page.locator("#differences")).to_be_visible()
    # it can be settled in its row, too
    panel.page.locator("#differences").get_by_role("button", name="Settle RIOT…").click()
    check_accessibility(panel.page)
    panel.page.keyboard.press("Escape")
    _show_live(panel.page)
    for name in ("Trades", "Days", "Alerts", "Reconciliations", "Thresholds"):
        tab = panel.open_tab(name)
        if name in ("Trades", "Alerts"):
            tab.locator("tr[data-id] .toggle").first.click()
            tab.locator("tr.details dl").wait_for()
        check_accessibility(panel.page)
    panel.page.get_by_role("button", name="Keys").click()
    check_accessibility(panel.page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_its_dialogs_live_mode_and_what_is_of_the_past_are_accessible(stack, open_panel, width, scheme):
    # a button that is fading from one ground to another would be measured half-way
    panel: Panel = open_panel(stack, width=width, color_scheme=scheme, reduced_motion="reduce")
    page = panel.page
    panel.press("Switch to live…")
    page.get_by_text("Live mode needs real market hours").wait_for()
    check_accessibility(page)  # it names what prevents the switch
    page.keyboard.press("Escape")
    panel.nothing_blocks_the_switch()
    panel.press("Switch to live…")
    page.get_by_text("Nothing prevents the switch").wait_for()
    check_accessibility(page)  # it asks to type "live"
    page.get_by_label("Type live to confirm").fill("live")
    check_accessibility(page)
    page.keyboard.press("Escape")
    _show_live(page)
    panel.press("Start")
    panel.expect_state("Running")
    check_accessibility(page)
    stack.web.close()
    expect(page.locator("#lost")).to_be_visible()
    check_accessibility(page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_a_viewers_panel_is_accessible(stack, open_panel, width, scheme):
    panel: Panel = open_panel(stack, "viewer", width=width, color_scheme=scheme)
    for name in ("Command log", "Thresholds"):
        panel.open_tab(name)
        check_accessibility(panel.page)


def _show_live(page: Page) -> None:
    """What live mode looks like; the switch itself is tested elsewhere."""
    page.evaluate("document.body.dataset.mode = 'live'; document.getElementById('live-band').hidden = false")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(stack, open_panel, width):
    panel = open_panel(stack, width=width)
    for name in ("Command log", "Trades", "Days", "Alerts", "Reconciliations", "Thresholds"):
        panel.open_tab(name)
        wide = panel.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, name
    for tab in panel.page.get_by_role("tab").all():
        box = tab.bounding_box()
        assert box is not None
        assert box["x"] >= 0, "a tab is cut"
        assert box["x"] + box["width"] <= width, "a tab is cut"
    expect(panel.kill_button).to_be_in_viewport()
    panel.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(panel.kill_button).to_be_in_viewport()


def test_everything_can_be_done_by_keyboard(panel: Panel):
    page = panel.page
    keys = page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(40):
            keys.press("Tab")
            if page.evaluate("document.activeElement.textContent").strip().startswith(name):
                return
        raise AssertionError(f"{name} cannot be reached")

    page.evaluate("document.activeElement.blur()")
    keys.press("Tab")
    keys.press("Enter")  # "Skip to the bot"
    tab_to("Start")
    keys.press("Enter")
    panel.expect_state("Running")
    tab_to("Command log")
    keys.press("ArrowRight")
    expect(page.get_by_role("tab", name="Trades")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Trades")).to_be_visible()

    panel.kill_button.focus()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Kill now")).to_be_focused()
    keys.press("Escape")
    expect(panel.kill_button).to_be_focused()
    keys.press("Enter")
    keys.press("Enter")
    panel.expect_state("Killed")
    expect(page.locator("#announce")).not_to_be_empty()
