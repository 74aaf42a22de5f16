"""What one test leaves in the browser is not met by the next one."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from playwright.sync_api import Browser, Page, Route

from tests.panel.profile import Profile
from tests.support.waiting import wait_for


def test_a_call_that_a_route_still_has_in_hand_fails_no_later_test(browser: Browser) -> None:
    profile = Profile(browser)
    page = profile.open()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"

        def pass_on(route: Route) -> None:
            route.fulfill(response=route.fetch())

        page.route("**/page", lambda route: route.fulfill(body="<p>", content_type="text/html"))
        page.route("**/silent", pass_on)
        page.goto(f"{address}/page")
        with page.expect_request("**/silent"):
            page.evaluate("() => void fetch('/silent').catch(() => 0)")
        silent.setblocking(False)

        def accepted() -> socket.socket | None:
            page.wait_for_timeout(20)  # meanwhile the route is served
            with suppress(BlockingIOError):
                return silent.accept()[0]
            return None

        in_hand = wait_for(accepted, 20, "the route's call arrives")
        assert in_hand is not None
        profile.renew()
        in_hand.close()
    for _ in range(3):
        profile.open().wait_for_timeout(50)
        profile.renew()
    profile.context.close()


def test_the_next_user_of_a_profile_finds_nothing_of_the_one_before(browser: Browser) -> None:
    profile = Profile(browser)
    look = """async () => ({
        cookie: document.cookie, local: localStorage.length, session: sessionStorage.length,
        databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length, script: "fromScript" in window,
        notifications: (await navigator.permissions.query({ name: "notifications" })).state,
        dark: matchMedia("(prefers-color-scheme: dark)").matches,
        still: matchMedia("(prefers-reduced-motion: reduce)").matches, width: innerWidth, height: innerHeight, name: window.name,
    })"""

    def visit(page: Page) -> Any:
        page.route("http://127.0.0.1:1/", lambda route: route.fulfill(body="<p>", content_type="text/html"))
        page.goto("http://127.0.0.1:1/")
        return page.evaluate(look)

    fresh = visit(profile.open())
    profile.renew()
    page = profile.open(
        width=390, height=600, color_scheme="dark", reduced_motion="reduce", permissions=["notifications"]
    )
    page.add_init_script("window.fromScript = true")
    page.route("**/found", lambda route: route.fulfill(body="by a route"))
    visit(page)
    page.evaluate("""async () => {
        document.cookie = "of=one";
        window.name = localStorage.of = sessionStorage.of = "one";
        await caches.open("one");
        await new Promise((done) => (indexedDB.open("one").onsuccess = done));
    }""")
    profile.context.add_cookies([{"name": "of", "value": "one", "url": "http://127.0.0.2"}])  # not visited
    page.reload()
    left = page.evaluate(look)
    assert [what for what in left if left[what] == fresh[what]] == [], left
    profile.renew()
    assert profile.context.cookies() == []
    page = profile.open()
    assert visit(page) == fresh
    assert page.evaluate("fetch('/found').then(() => 'found', () => 'not found')") == "not found"
    profile.context.close()
