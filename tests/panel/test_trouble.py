"""The panel when something is wrong, or live."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.panel.driver import Panel
from tests.support.client import TOKENS
from tests.support.waiting import wait_for


def test_the_panel_outlives_a_dead_worker_a_restart_of_web_and_its_own_session(stack, open_panel):
    panel: Panel = open_panel(stack)
    panel.press("Start")
    panel.expect_state("Running")

    # the worker dies, and web goes away and comes back
    stack.worker.kill()
    stack.web.close()
    expect(panel.page.locator("#link-word")).to_have_text("Connection lost")
    expect(panel.page.locator("#lost")).to_contain_text("What you see is from")
    expect(panel.page.locator("#state-title")).to_contain_text("as it was at")
    grey = _colour(panel, "#state-means")
    for figure in (".state", ".gate h3", ".state-badge", "#pnl", "#reconciliation"):
        assert _colour(panel, figure) == grey, f"{figure} looks like the present"
    stack.start_web()
    stack.api().do("/pause")  # web applies what makes the bot safer by itself
    panel.expect_connected()
    panel.expect_state("Paused")
    expect(panel.page.locator("#lost")).to_be_hidden()
    assert _colour(panel, ".state") != grey

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


def switch(panel: Panel, target: str, reason: str = "") -> None:
    """Switch the mode in the dialog. On a busy machine an account may not answer in time, as the dialog and the command then say:
    both are tried again, as an operator does."""
    dialog = panel.page.locator("#mode-dialog")
    again, sent = (
        dialog.get_by_role("button", name="Look again"),
        panel.page.locator("#activity li:not(.none)"),
    )

    def nothing_prevents() -> bool:
        expect(dialog).not_to_contain_text("Checking both accounts")
        if again.is_visible():
            again.click()
            return False
        return True

    def is_applied() -> bool:
        before = sent.count()
        panel.press(f"Switch to {target}…")
        wait_for(nothing_prevents, 30, "nothing prevents the switch", evidence=dialog.inner_text)
        if target == "live":  # no typing on the way back to safety
            dialog.get_by_label("Type live to confirm").fill("live")
        if reason:
            dialog.get_by_label("Reason").fill(reason)
        dialog.get_by_role("button", name=f"Switch to {target}").click()
        expect(sent).to_have_count(before + 1)
        expect(panel.activity).to_contain_text(re.compile("applied|rejected"))
        return "applied" in panel.activity.inner_text()

    wait_for(is_applied, 60, f"the mode is {target}", evidence=panel.activity.inner_text)


def test_live_mode_cannot_be_overlooked(make_stack, open_panel):
    stack = make_stack(MARKET_HOURS="nyse").start()
    panel: Panel = open_panel(stack)
    switch(panel, "live", "paper went well")
    expect(panel.page.locator("#mode-word")).to_have_text("LIVE")
    expect(panel.page.locator("#live-band")).to_contain_text("Real money")
    expect(panel.page).to_have_title(re.compile(r"^(\(\d+\) )?LIVE Stopped – Pitboss$"))
    frame = panel.page.evaluate("getComputedStyle(document.body, '::after').borderTopWidth")
    assert frame == "6px"
    # red is Kill's alone: it is found at once, in live mode above all
    red = _colour(panel, "#kill", "background-color")
    for other in ("#live-band", "#mode-badge"):
        assert _colour(panel, other, "background-color") != red
    assert stack.status()["mode"] == "live"
    assert stack.commands()[-1]["reason"] == "paper went well"

    switch(panel, "paper")
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
    panel.expect_outcome("applied")  # which the page has of the second time that it asked
    panel.expect_state("Running")
    assert [row["kind"] for row in stack.commands()[before:]] == ["start"]


def test_the_broker_tile_says_what_is_wrong(stack, panel):
    page, healthy = panel.page, stack.broker.account("paper")
    for fault, account, word in (
        ("refuse", {}, "No answer"),
        ("500", {}, "Answers with errors"),
        ("401", {}, "Keys rejected"),
        (None, {"id": "00000000-0000-4000-8000-00000000beef"}, "Wrong account"),
        (None, {"account_blocked": True}, "Blocked"),
    ):
        try:
            if fault:
                stack.broker.faults({"kind": fault, "path": "/v2/account"})
            stack.broker.account("paper", **account)
            panel.press("Reconcile")
            expect(page.locator("#broker")).to_have_text(word)
            expect(page.locator("#broker-note")).to_contain_text("Sandbox, tried")
        finally:
            stack.broker.heal()
            stack.broker.account("paper", id=healthy["id"], account_blocked=False)
        panel.press("Reconcile")
        expect(page.locator("#broker")).to_have_text("Sandbox")


def test_the_broker_tile_says_that_there_are_no_keys(make_stack, open_panel):
    stack = make_stack(ALPACA_PAPER_API_KEY="", ALPACA_PAPER_API_SECRET="").start()
    expect(open_panel(stack).page.locator("#broker")).to_have_text("No keys", timeout=15_000)


def _colour(panel: Panel, selector: str, name: str = "color") -> str:
    script = "(part, name) => getComputedStyle(part).getPropertyValue(name)"
    return str(panel.page.locator(selector).evaluate(script, name))
