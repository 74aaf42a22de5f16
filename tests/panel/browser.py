"""The browser of the tests: Debian's Chromium, or what PITBOSS_CHROMIUM names."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, BrowserContext, Playwright

#: The first one is a browser without windows: half the work of a whole one that shows none.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str | None:
    """Where a Chromium is; None when there is none."""
    given = os.environ.get("PITBOSS_CHROMIUM")
    return given or next((path for name in _NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """A headless browser that talks to nobody by itself."""
    return playwright.chromium.launch(executable_path=find(), args=_ARGUMENTS)


def close(context: BrowserContext) -> None:
    """Close its pages, and forget the calls that a route of a test still has in hand: what fails of them would be
    raised by whatever the next test asks of the browser."""
    for page in context.pages:
        page.unroute_all(behavior="ignoreErrors")
    context.unroute_all(behavior="ignoreErrors")
    context.close()
