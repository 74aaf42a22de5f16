"""A browser profile that tests use one after the other.

A new one would fetch, parse and compile every script of the panel again: a fifth of what it costs to open the panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Frame, Page

from tests.support.waiting import LEAST_SEC


class Profile:
    """Each test finds it as if it were new: what a test leaves but the files that were fetched is cleared by ``renew``."""

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context()
        self.context.set_default_timeout(LEAST_SEC * 1000)
        # as long as it has a page, a profile keeps its process, and with it what was compiled
        self._keeper = self.context.new_page()
        self._devtools = self.context.new_cdp_session(self._keeper)
        self._origins: set[str] = set()

    def open(
        self,
        *,
        width: int = 1280,
        height: int = 900,
        color_scheme: Literal["light", "dark"] = "light",
        reduced_motion: Literal["reduce", "no-preference"] = "no-preference",
        permissions: Sequence[str] = (),
    ) -> Page:
        """A page of a user with this screen and these preferences, who has granted these permissions."""
        page = self.context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        if permissions:
            self.context.grant_permissions(permissions)
        page.on("framenavigated", self._note)
        return page

    def renew(self) -> None:
        """Close its pages, with the routes, scripts and handlers that they have, and forget cookies, permissions and storage.

        The calls that a route still has in hand are forgotten, too: what fails of them would be raised by whatever the next test
        asks of the browser.
        """
        for page in self.context.pages:
            page.unroute_all(behavior="ignoreErrors")
            if page is not self._keeper:
                page.close()
        self.context.unroute_all(behavior="ignoreErrors")
        self.context.clear_cookies()
        self.context.clear_permissions()
        for origin in self._origins:
            self._devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        self._origins.clear()

    def _note(self, frame: Frame) -> None:
        address = urlsplit(frame.url)
        if address.netloc:
            self._origins.add(f"{address.scheme}://{address.netloc}")
