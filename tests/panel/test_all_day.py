"""A page that is open all day and longer, and reads that fail once."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from bot.market_hours import NEW_YORK
from tests.panel.driver import Panel

#: Lets a test say something in the server's place, over the page's own stream.
STREAM = """
window.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    window.stream = this;
  }
};
"""
SAY = "([name, data]) => stream.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }))"
DAY = timedelta(days=1)


class Tomorrow:
    """What the API answers, as if it were later by ``ahead``: every time of it is shifted."""

    def __init__(self, page: Page) -> None:
        self.ahead = timedelta()
        self.asked: Counter[str] = Counter()
        self._page = page
        page.add_init_script(STREAM)
        for path in ("status", "states", "stats/intraday", "stats/daily?*", "commands?*"):
            page.route(f"**/api/bot/{path}", self._answer)

    def begins(self, status: dict[str, Any]) -> None:
        """It is the next day, and the server has nothing to say but that its clock goes on."""
        self.ahead = DAY
        self._page.evaluate(SAY, ["pulse", {"asOf": self._later(status["asOf"]), "worker": status["worker"]}])

    def _answer(self, route: Route) -> None:
        self.asked[route.request.url.partition("/api/bot/")[2].partition("?")[0]] += 1
        body = route.fetch().json()
        if self.ahead and "/commands" not in route.request.url:
            body = self._shifted(body)
            if "/states" in route.request.url:
                # nothing has happened since midnight
                body["items"] = [
                    {**body["items"][-1], "beganAt": body["beginsAt"], "kind": None, "actor": None}
                ]
        route.fulfill(json=body)

    def _shifted(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._shifted(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._shifted(part) for part in value]
        return self._later(value) if isinstance(value, str) else value

    def _later(self, text: str) -> str:
        try:
            return (datetime.fromisoformat(text) + self.ahead).isoformat().replace("+00:00", "Z")
        except ValueError:
            return text


def test_after_midnight_in_new_york_everything_of_today_is_read_anew(stack, open_page):
    page = open_page()
    tomorrow = Tomorrow(page)
    panel = Panel(page, stack).open()
    panel.press("Start")
    panel.expect_state("Running")
    since = page.locator("#state-since")
    expect(since).to_have_text(re.compile(r"Since \d\d:\d\d ET: start by operator\."))
    expect(page.locator("#states-text")).to_contain_text("stopped")
    page.wait_for_timeout(500)  # what the start had it read is read
    before = tomorrow.asked.copy()

    status = stack.status()
    tomorrow.begins(status)
    began = datetime.fromisoformat(status["asOf"])
    expect(since).to_contain_text(f"Since {began.astimezone(NEW_YORK):%a, %b} ")
    expect(since).to_contain_text("start by operator")
    expect(page.locator("#states-text")).not_to_contain_text("stopped")
    for path in ("status", "states", "stats/intraday", "stats/daily", "commands"):
        assert tomorrow.asked[path] > before[path], path
    panel.expect_never_reloaded()


@pytest.mark.parametrize(("path", "shown"), [("states", "#states-text"), ("stats/daily?*", "#daily-text")])
def test_a_read_that_fails_once_is_repeated(stack, open_page, path, shown):
    page = open_page()
    failed: list[str] = []

    def fail_the_first(route: Route) -> None:
        if failed:
            route.continue_()
        else:
            failed.append(route.request.url)
            route.fulfill(
                status=503, json={"error": "Postgres is away.", "code": "unavailable", "details": {}}
            )

    page.route(f"**/api/bot/{path}", fail_the_first)
    Panel(page, stack).open()
    expect(page.locator(shown)).not_to_be_empty()
    assert failed


def test_what_happened_while_the_connection_was_lost_shows_when_it_is_back(stack, panel):
    expect(panel.page.locator("#daily-text")).to_contain_text("No trading day")
    stack.web.close()
    expect(panel.page.locator("#link-word")).to_have_text("Connection lost")
    # of an earlier day: neither the revision nor a figure of today tells of it
    stack.sql(
        "INSERT INTO bot_daily_stats (date, mode, realized_pnl, trade_count)"
        " VALUES ('2026-01-05', 'paper', -100, 4)"
    )
    stack.start_web()
    panel.expect_connected()
    expect(panel.page.locator("#daily-text")).to_contain_text("$100.00 over 1 trading day")
