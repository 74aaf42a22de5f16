"""What is done on the page before a picture of it is taken."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


def dialog(page: Page) -> None:
    page.get_by_role("button", name="Kill", exact=True).click()


def mode(page: Page) -> None:
    page.get_by_role("button", name="Switch to live").click()
    page.locator("#mode-blockers :is(strong, p):not(:empty)").first.wait_for()
    page.clock.run_for(300)


def scroll(page: Page, selector: str) -> None:
    page.locator(selector).evaluate("part => scrollTo(0, part.getBoundingClientRect().top + scrollY - 76)")


def thresholds(page: Page) -> None:
    page.get_by_role("tab", name="Thresholds").click()
    page.get_by_label("Daily loss limit").fill("750")
    page.get_by_label("Hard stop loss").fill("7,5")
    page.get_by_role("button", name="Save 2 changes").click()
    page.get_by_text("Nothing was saved").wait_for()
    scroll(page, ".records")


def review(page: Page) -> None:
    page.get_by_role("tab", name="Thresholds").click()
    page.get_by_label("Daily loss limit").fill("5,000")
    page.get_by_label("Max. float").fill("10,000,000")
    page.get_by_role("button", name="Save 2 changes").click()
    page.get_by_role("dialog").wait_for()


def tab(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_role("tab", name=name).click()
        page.locator('[role="tabpanel"]:not([hidden]) table.rows tbody tr').first.wait_for()
        page.clock.run_for(300)
        scroll(page, ".records")

    return act


def days(page: Page) -> None:
    tab("Days")(page)
    page.locator("#equity-text:not(:empty)").wait_for()
    page.clock.run_for(300)


def settle(page: Page) -> None:
    page.locator("#differences").get_by_role("button", name="Settle RIOT…").click()
    page.get_by_label("Adopt").check()


def flattening(page: Page) -> None:
    page.locator("#flattening-text:not(:empty)").wait_for()


def trades(page: Page) -> None:
    tab("Trades")(page)
    page.get_by_text("By tier, exit reason and catalyst").click()


def first_trade(page: Page) -> None:
    tab("Trades")(page)
    page.locator("#trades-list .toggle").nth(2).click()
    page.locator("tr.details .copy").first.wait_for()


def details(page: Page) -> None:
    page.locator("#commands .toggle").nth(3).click()
    page.locator("tr.details .copy").first.wait_for()
    scroll(page, ".records")


def flatten(page: Page) -> None:
    page.get_by_role("button", name="Flatten…").first.click()


def queue(page: Page) -> None:
    page.get_by_label("Reason").first.fill("after lunch")
    page.locator(".steer", has_text="Start").click()
    page.get_by_text("queued").first.wait_for()
