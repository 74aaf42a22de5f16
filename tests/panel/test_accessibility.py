"""axe-core's rules for WCAG 2.2 A and AA, the keyboard, and narrow screens."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.panel.axe import SHAPES, Shape, check_shapes
from tests.panel.driver import Panel

#: For states that are much like one before.
OTHER_SHAPES: tuple[Shape, Shape] = (1280, "dark"), (390, "light")
#: What is before the page, or changes on it, where the rest is checked in another state.
DIALOG, TAB = "dialog[open]", "[role=tabpanel]:not([hidden])"


def test_the_login_is_accessible(stack, open_page):
    page = open_page(reduced_motion="reduce")
    page.goto(f"{stack.url}/login")
    check_shapes(page, *SHAPES)
    page.get_by_label("Access token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_shapes(page, *SHAPES)


def test_the_panel_is_accessible_in_all_its_states(stack, open_panel):
    panel = open_panel(stack, reduced_motion="reduce")
    stack.open_trade("KTRA")
    check_shapes(panel.page, *SHAPES)  # stopped, with a warning
    panel.press("Start")
    panel.expect_state("Running")
    check_shapes(panel.page, *SHAPES)
    panel.press("Pause")
    panel.expect_state("Paused")
    check_shapes(panel.page, *SHAPES)
    panel.kill_button.click()
    check_shapes(panel.page, *SHAPES, part=DIALOG)
    panel.page.get_by_role("button", name="Kill now").click()
    panel.expect_state("Killed")
    stack.broker.positions("paper", RIOT=35)
    panel.press("Reconcile")
    expect(panel.page.locator("#differences")).to_be_visible()
    # it can be settled in its row, too
    panel.page.locator("#differences").get_by_role("button", name="Settle RIOT…").click()
    check_shapes(panel.page, *SHAPES, part=DIALOG)
    panel.page.keyboard.press("Escape")
    _show_live(panel.page)
    check_shapes(panel.page, *SHAPES)  # killed, with a difference, in live mode
    for name in ("Trades", "Days", "Alerts", "Reconciliations", "Thresholds"):
        tab = panel.open_tab(name)
        if name in ("Trades", "Alerts"):
            tab.locator("tr[data-id] .toggle").first.click()
            tab.locator("tr.details dl").wait_for()
        check_shapes(panel.page, *SHAPES, part=TAB)
    panel.page.get_by_role("button", name="Keys").click()
    check_shapes(panel.page, *SHAPES, part=DIALOG)


def test_its_dialogs_live_mode_and_what_is_of_the_past_are_accessible(stack, open_panel):
    panel: Panel = open_panel(stack, reduced_motion="reduce")
    page = panel.page
    panel.press("Switch to live…")
    page.get_by_text("Live mode needs real market hours").wait_for()
    check_shapes(page, *OTHER_SHAPES, part=DIALOG)  # it names what prevents the switch
    page.keyboard.press("Escape")
    panel.nothing_blocks_the_switch()
    panel.press("Switch to live…")
    page.get_by_text("Nothing prevents the switch").wait_for()
    check_shapes(page, *OTHER_SHAPES, part=DIALOG)  # it asks to type "live"
    page.get_by_label("Type live to confirm").fill("live")
    check_shapes(page, *OTHER_SHAPES, part=DIALOG)
    page.keyboard.press("Escape")
    _show_live(page)
    panel.press("Start")
    panel.expect_state("Running")
    check_shapes(page, *OTHER_SHAPES)
    stack.web.close()
    expect(page.locator("#lost")).to_be_visible()
    check_shapes(page, *OTHER_SHAPES)


def test_a_viewers_panel_is_accessible(stack, open_panel):
    panel: Panel = open_panel(stack, "viewer", reduced_motion="reduce")
    for name in ("Command log", "Thresholds"):
        panel.open_tab(name)
        check_shapes(panel.page, *OTHER_SHAPES)


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
