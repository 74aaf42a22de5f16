"""The browser of the tests: Debian's Chromium, or what PITBOSS_CHROMIUM names."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Playwright

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
    # a page is open for a second: one process for all, and no code that is compiled to run for hours
    "--renderer-process-limit=1",
    "--js-flags=--no-opt --no-maglev",
]


def find() -> str | None:
    """Where a Chromium is; None when there is none."""
    given = os.environ.get("PITBOSS_CHROMIUM")
    return given or next((path for name in _NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """A headless browser that talks to nobody by itself."""
    return playwright.chromium.launch(executable_path=find(), args=_ARGUMENTS)
