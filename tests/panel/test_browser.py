"""What one test leaves in the browser is not met by the next one."""

from __future__ import annotations

import socket
from contextlib import suppress

from playwright.sync_api import Browser, Route

from tests.panel import browser as chromium
from tests.support.waiting import wait_for


def test_a_call_that_a_route_still_has_in_hand_fails_no_later_test(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
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
        chromium.close(context)
        in_hand.close()
    for _ in range(3):
        later = browser.new_context()
        later.new_page().wait_for_timeout(50)
        later.close()
