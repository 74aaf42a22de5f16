"""The panel in a real browser, on the real system."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.panel.driver")

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright  # noqa: E402

from tests.panel import browser as chromium  # noqa: E402
from tests.panel.driver import Panel  # noqa: E402
from tests.panel.profile import Profile  # noqa: E402
from tests.support.waiting import LEAST_SEC  # noqa: E402

# as with every other deadline of the tests
expect.set_options(timeout=LEAST_SEC * 1000)

OpenPanel = Callable[..., Panel]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium.find() is None:
        missing = (
            "There is no Chromium: install it (Debian: apt install chromium) or set PITBOSS_CHROMIUM to one."
        )
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        found = chromium.launch(playwright)
        yield found
        found.close()


@pytest.fixture(scope="session")
def profiles() -> list[Profile]:
    """Those that no test has at the moment."""
    return []


@pytest.fixture
def open_page(browser: Browser, profiles: list[Profile]) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser profile of its own; what the page complains about fails the test."""
    taken: list[Profile] = []
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # a refusal by the server is no fault of the page; what breaks its security policy is
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    def open_page(**options: Any) -> Page:
        taken.append(profiles.pop() if profiles else Profile(browser))
        page = taken[-1].open(**options)
        page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
        page.on("console", hear)
        return page

    yield open_page
    for profile in taken:
        profile.renew()
        profiles.append(profile)
    assert complaints == []


@pytest.fixture
def open_panel(open_page: Callable[..., Page]) -> OpenPanel:
    """Opens the panel of somebody who is logged in: ``open_panel(stack, role="viewer", width=390)``."""

    def open_panel(stack: Any, role: str = "operator", **options: Any) -> Panel:
        return Panel(open_page(**options), stack).open(role)

    return open_panel


@pytest.fixture
def panel(stack: Any, open_panel: OpenPanel) -> Panel:
    """An operator's panel of the shared system."""
    return open_panel(stack)
