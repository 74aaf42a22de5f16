"""Alerts in the panel: told until somebody has seen them, and heard where nobody looks."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.panel.driver import Panel


def test_alerts_are_told_in_the_tab_and_the_banner_until_somebody_acknowledges_them(stack, panel):
    stack.sql("UPDATE bot_alert SET acknowledged_at = now(), acknowledged_by = 'tests'")
    expect(panel.page.locator("#alert-banner")).to_be_hidden()
    stack.broker.positions("paper", RIOT=35)
    panel.press("Reconcile")
    banner = panel.page.locator("#alert-banner")
    expect(banner).to_contain_text("disagree in paper mode on RIOT")
    expect(panel.page).to_have_title("(1) Stopped – Pitboss")
    expect(panel.page.locator("#announce")).not_to_be_empty()
    banner.get_by_role("button", name="Show alerts").click()
    alerts = panel.page.get_by_role("tabpanel", name="Alerts")
    expect(alerts.get_by_role("row").nth(1)).to_contain_text(re.compile("critical.*RIOT.*not acknowledged"))
    alerts.get_by_role("button", name="Acknowledge all").click()
    expect(banner).to_be_hidden()
    expect(alerts.get_by_role("row").nth(1)).to_contain_text("seen by operator")
    expect(panel.page).to_have_title("Stopped – Pitboss")


def test_who_wants_to_hear_alerts_is_told_while_nobody_looks_at_the_page(stack, open_panel):
    panel: Panel = open_panel(stack, permissions=["notifications"])
    alerts = panel.open_tab("Alerts")
    alerts.get_by_label("Sound").check()
    alerts.get_by_label("Notification").check()
    # the browser is asked for the permission first, and the choice is kept with its answer
    panel.page.wait_for_function("() => localStorage.getItem('pitboss-alert-notification') === 'yes'")
    panel.page.reload()
    panel.expect_connected()
    # the page has to have read what there was before: only what comes after that is announced
    panel.page.wait_for_function(
        """() => performance.getEntriesByType("resource").some(
            ({ name, responseStatus }) => name.endsWith("/alerts?limit=50") && responseStatus === 200
        )"""
    )
    for name in ("Sound", "Notification"):
        expect(alerts.get_by_label(name)).to_be_checked()
    panel.page.evaluate("""() => {
        window.told = new Promise((tell) => {
            window.Notification = class { static permission = "granted"; constructor(title, { body }) { tell(body); } };
        });
        Object.defineProperty(document, "hidden", { get: () => true });
    }""")
    stack.broker.positions("paper", RIOT=35)
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    said = panel.page.evaluate("window.told")
    assert "disagree in paper mode on RIOT" in said


def test_what_is_over_needs_no_acknowledgement(stack):
    stack.sql("UPDATE bot_alert SET acknowledged_at = now(), acknowledged_by = 'tests'")
    api = stack.api()
    api.do("/kill")
    assert api.read("/alerts")["unacknowledged"] == 1
    api.do("/rearm")
    page = api.read("/alerts?limit=2")
    assert page["unacknowledged"] == 0
    rearmed, killed = page["items"]
    assert (rearmed["kind"], killed["kind"], killed["resolvedAt"]) == (
        "rearmed",
        "killed",
        rearmed["createdAt"],
    )
    assert killed["severity"] == "critical"
    viewer = stack.api("viewer")
    assert viewer.post("/alerts/acknowledge", {"ids": [killed["id"]]}).status_code == 403
    assert api.post("/alerts/acknowledge", {"ids": [killed["id"]]}).json() == {"acknowledged": 1}
    assert api.post("/alerts/acknowledge", {"ids": [killed["id"]]}).json() == {"acknowledged": 0}
