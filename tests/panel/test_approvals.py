"""The panel shows what waits for a second person, and takes the answer; and it leads to the user's sessions."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.panel.axe import check_accessibility
from tests.panel.driver import Panel
from tests.support.approvals import approving, approving_stack
from tests.support.stack import Stack

__all__ = ["approving", "approving_stack"]


def waiting(panel: Panel) -> Locator:
    return panel.page.get_by_role("region", name="Commands that wait for approval")


def test_what_one_operator_asks_for_another_approves_in_the_panel(stack: Stack, open_panel) -> None:
    asking: Panel = open_panel(stack, width=390, color_scheme="dark", reduced_motion="reduce")
    other: Panel = open_panel(stack, "operator2", reduced_motion="reduce")
    viewer: Panel = open_panel(stack, "viewer")
    asking.press("Start", "the open looks calm")
    asking.expect_outcome("awaits approval")
    expect(waiting(asking)).to_contain_text("You asked for “Start”. the open looks calm.")
    expect(waiting(asking).get_by_role("button")).to_have_text(["Withdraw"])
    expect(waiting(other)).to_contain_text("operator asks for “Start”.")
    expect(waiting(viewer)).to_be_visible()
    expect(waiting(viewer).get_by_role("button")).to_have_count(0)
    check_accessibility(asking.page)
    check_accessibility(other.page)

    waiting(other).get_by_role("button", name="Approve “Start” of operator").press("Enter")
    for panel in (asking, other):
        expect(waiting(panel)).to_be_hidden()
        panel.expect_state("Running")
        panel.expect_never_reloaded()
    asking.expect_outcome("applied, now running")


def test_what_waits_is_rejected_or_withdrawn_in_the_panel(stack: Stack, open_panel) -> None:
    asking, other = open_panel(stack), open_panel(stack, "operator2")
    for panel, word in ((other, "Reject"), (asking, "Withdraw")):
        asking.press("Start")
        waiting(panel).get_by_role("button", name=word).click()
        for each in (asking, other):  # so that the next button is the next command's
            expect(waiting(each)).to_be_hidden()
        asking.expect_outcome("rejected")
    assert stack.status()["state"] == "stopped"


def test_an_answer_that_fails_is_said_where_it_was_given(stack: Stack, open_panel) -> None:
    asking, other = open_panel(stack), open_panel(stack, "operator2")
    asking.press("Start")
    other.page.route("**/rejection", lambda route: route.abort())
    waiting(other).get_by_role("button", name="Reject").click()
    expect(waiting(other)).to_contain_text("No answer from Pitboss.")
    waiting(asking).get_by_role("button", name="Withdraw").click()
    expect(waiting(other)).to_be_hidden()


def test_thresholds_that_wait_are_not_said_to_be_saved(stack: Stack, open_panel) -> None:
    panel: Panel = open_panel(stack)
    form = panel.open_tab("Thresholds")
    form.get_by_label("Position size").fill("750")
    panel.save_thresholds(form, 1)
    expect(form.locator("#thresholds-result")).to_contain_text("Another operator has to approve it")
    other: Panel = open_panel(stack, "operator2")
    expect(waiting(other)).to_contain_text("position size usd 500 → 750")


def check_page(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    check_accessibility(page)


def test_the_panel_leads_to_the_users_sessions_where_each_can_be_ended(stack: Stack, open_panel) -> None:
    other: Panel = open_panel(stack, "operator2")
    panel: Panel = open_panel(stack, "operator2", width=390)
    page = panel.page
    page.get_by_role("link", name="Your sessions", exact=True).click()
    check_page(page, "Your sessions")
    ends = page.get_by_role("button", name="End", exact=True)
    for left in reversed(range(ends.count())):
        ends.first.click()
        expect(ends).to_have_count(left)
    expect(other.page.locator("#lost")).to_contain_text("Your session has ended.")
    page.get_by_role("link", name="Back to the bot").click()
    panel.expect_connected()


def test_the_page_that_an_alert_links_to_is_accessible(stack: Stack, open_panel) -> None:
    command = stack.api().post("/start").json()["commandId"]
    other, page = (open_panel(stack, role, color_scheme="dark").page for role in ("operator2", "operator"))
    for each, word in ((other, "Reject"), (page, "Withdraw")):
        each.goto(f"{stack.url}/approvals/{command}")
        check_page(each, "Approval")
        expect(each.get_by_role("button", name=word)).to_be_visible()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status")).to_contain_text("It is rejected")
    check_page(page, "Approval")
