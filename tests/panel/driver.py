"""What an operator does with the panel, in the operator's words."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Browser
from tests.support.client import TOKENS
from tests.support.stack import Stack


class Panel:
    def __init__(self, page: Page, stack: Stack) -> None:
        self.page = page
        self.stack = stack

    def log_in(self, role: str = "operator") -> Panel:
        self.page.goto(f"{self.stack.url}/login")
        self.page.get_by_label("Access token").fill(TOKENS[role])
        self.page.get_by_role("button", name="Log in").click()
        return self._opened()

    def open(self, role: str = "operator") -> Panel:
        """As who has logged in before: without the page of the login, which takes a quarter of the time of a short test."""
        browser = Browser(self.stack.url)
        assert browser.log_in(TOKENS[role]).status_code == 303
        self.page.context.add_cookies(
            [
                {"name": name, "value": value, "url": self.stack.url, "httpOnly": True, "sameSite": "Strict"}
                for name, value in browser.session.cookies.items()
            ]
        )
        self.page.goto(self.stack.url)
        return self._opened()

    def _opened(self) -> Panel:
        self.expect_connected()
        # a mark that a reload would take away
        self.page.evaluate("window.neverReloaded = true")
        return self

    def button(self, name: str) -> Locator:
        return self.page.locator(".steer", has=self.page.get_by_text(name, exact=True))

    @property
    def kill_button(self) -> Locator:
        return self.page.locator("#kill")

    @property
    def activity(self) -> Locator:
        """The latest of the commands that this page sent."""
        return self.page.locator("#activity li").first

    def press(self, name: str, reason: str = "") -> None:
        if reason:
            self.page.locator("#reason").fill(reason)
        self.button(name).click()

    def nothing_blocks_the_switch(self) -> None:
        """As if nothing stood in the way of going live; the switch itself looks again."""
        nothing = {"mode": "paper", "target": "live", "blockers": []}
        self.page.route("**/api/bot/mode?*", lambda route: route.fulfill(json=nothing))

    def kill(self, reason: str = "") -> None:
        self.kill_button.click()
        dialog = self.page.get_by_role("dialog", name="Kill the bot?")
        if reason:
            dialog.get_by_label("Reason").fill(reason)
        dialog.get_by_role("button", name="Kill now").click()

    def save_thresholds(self, form: Locator, changes: int) -> None:
        """Save what was changed, and say yes to what would change."""
        form.get_by_role("button", name=f"Save {changes} change").click()
        self.page.get_by_role("dialog", name="Save these changes?").get_by_role(
            "button", name="Save them"
        ).click()

    def open_tab(self, name: str) -> Locator:
        self.page.get_by_role("tab", name=name).click()
        return self.page.get_by_role("tabpanel", name=name)

    def resize(self, width: int) -> None:
        """Become as wide as that."""
        assert self.page.viewport_size is not None
        self.page.set_viewport_size({"width": width, "height": self.page.viewport_size["height"]})
        self.page.evaluate("() => new Promise(requestAnimationFrame)")

    # -- what it shows ------------------------------------------------------------------------------------------

    def expect_state(self, word: str) -> None:
        expect(self.page.locator("#state-word")).to_have_text(word)
        expect(self.page.locator("#state-badge-word")).to_have_text(word)

    def expect_connected(self) -> None:
        expect(self.page.locator("#link-word")).to_have_text("Connected")

    def expect_outcome(self, text: str) -> None:
        expect(self.activity).to_contain_text(text)

    def expect_never_reloaded(self) -> None:
        assert self.page.evaluate("window.neverReloaded") is True
