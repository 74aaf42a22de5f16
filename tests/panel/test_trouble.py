"""The panel when something is wrong, or live."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.panel.driver import Panel
from tests.support.client import TOKENS


def test_the_panel_outlives_a_dead_worker_a_restart_of_web_and_its_own_session(stack, open_panel):
    panel: Panel = open_panel(stack)
    panel.press("Start")
    panel.expect_state("Running")

    # the worker dies, and web goes away and comes back
    stack.worker.kill()
    stack.web.close()
    expect(panel.page.locator("#link-word")).to_have_text("Connection lost")
    expect(panel.page.locator("#lost")).to_contain_text("What you see is from")
    stack.start_web()
    stack.api().do("/pause")  # web applies what makes the bot safer by itself
    panel.expect_connected(15_000)
    panel.expect_state("Paused")
    expect(panel.page.locator("#lost")).to_be_hidden()

    # nothing is claimed that nobody has applied
    expect(panel.page.locator("#worker")).to_have_text("Offline", timeout=15_000)
    panel.press("Resume")
    panel.expect_outcome("queued")
    expect(panel.page.locator("#pending")).to_have_text("1")
    panel.expect_state("Paused")
    # but kill needs no worker
    panel.kill("no worker")
    panel.expect_state("Killed")
    expect(panel.page.locator("#activity li").nth(1)).to_contain_text("superseded")
    panel.expect_never_reloaded()

    # the token is taken out of API_TOKENS: the session has ended with it
    stack.web.close()
    stack.start_web(env={"API_TOKENS": f"operator:operator:{TOKENS['operator']}-changed"})
    try:
        expect(panel.page.locator("#lost")).to_contain_text("Your session has ended", timeout=15_000)
        panel.page.goto(stack.url)
        expect(panel.page).to_have_url(f"{stack.url}/login")
    finally:
        stack.web.close()


def test_live_mode_cannot_be_overlooked(make_stack, open_panel):
    stack = make_stack(MARKET_HOURS="nyse").start()
    panel: Panel = open_panel(stack)
    panel.press("Switch to live…")
    dialog = panel.page.get_by_role("dialog", name="Switch to LIVE money?")
    dialog.get_by_label("Type live to confirm").fill("live")
    dialog.get_by_label("Reason").fill("paper went well")
    dialog.get_by_role("button", name="Switch to live").click()
    expect(panel.page.locator("#mode-word")).to_have_text("LIVE")
    expect(panel.page.locator("#live-band")).to_contain_text("Real money")
    expect(panel.page).to_have_title("LIVE Stopped – Pitboss")
    frame = panel.page.evaluate("getComputedStyle(document.body, '::after').borderTopWidth")
    assert frame == "6px"
    assert stack.status()["mode"] == "live"
    assert stack.commands()[-1]["reason"] == "paper went well"

    panel.press("Switch to paper…")  # no typing on the way back to safety
    panel.page.get_by_role("dialog").get_by_role("button", name="Switch to paper").click()
    expect(panel.page.locator("#mode-word")).to_have_text("PAPER")


def test_an_answer_that_is_lost_is_asked_for_again_and_applied_once(stack, panel):
    lost: list[object] = []

    def lose_the_first(route):
        if not lost:
            lost.append(route.fetch())  # it reaches the server, its answer does not reach the page
            route.abort()
        else:
            route.continue_()

    before = len(stack.commands())
    panel.page.route("**/api/bot/start", lose_the_first)
    panel.page.on("console", lambda _: None)
    panel.press("Start")
    panel.expect_state("Running")
    panel.expect_outcome("applied")
    time.sleep(0.5)
    assert [row["kind"] for row in stack.commands()[before:]] == ["start"]
