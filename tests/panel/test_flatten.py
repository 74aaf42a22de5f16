"""The panel's button that makes the account flat: what it asks, and what it shows meanwhile."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.faults.flatten_run import FlattenRun
from tests.panel.axe import SHAPES, check_shapes
from tests.panel.driver import Panel
from tests.support.stack import Stack


def test_it_says_what_is_open_asks_once_and_shows_how_far_it_is(stack, open_panel):
    run = FlattenRun(stack)
    run.holds(AAPL=10, MSFT=-4)
    stack.broker.control("PUT", "/prices", {"AAPL": "20", "MSFT": "50"})
    stack.broker.control("PUT", "/fills", {"hold": True})
    stack.api().do("/reconcile", headers={"Prefer": "wait=10"})
    panel: Panel = open_panel(stack, reduced_motion="reduce")
    page = panel.page
    page.locator("#flatten").click()
    dialog = page.get_by_role("dialog", name="Flatten the account?")
    expect(dialog).to_contain_text("2 positions, worth about $400")
    expect(dialog).to_contain_text("sell 10 AAPL")
    expect(dialog).to_contain_text("buy 4 MSFT")
    check_shapes(page, *SHAPES, part="dialog[open]")
    dialog.get_by_label("Reason").fill("enough")
    dialog.get_by_role("button", name="Flatten now").click()
    banner = page.locator("#flattening")
    expect(banner).to_contain_text("Flattening")
    expect(banner).to_contain_text("10 AAPL")
    expect(banner).to_contain_text("2 orders")
    check_shapes(page, *SHAPES)
    stack.broker.control("PUT", "/fills", {"hold": False})
    expect(banner).to_be_hidden(timeout=20_000)
    assert stack.commands()[-1]["reason"] == "enough"
    run.wait_flat()
    run.check()


def test_a_flatten_can_be_ended_from_the_panel(stack: Stack, panel: Panel) -> None:
    run = FlattenRun(stack)
    run.holds(AAPL=10)
    stack.broker.control("PUT", "/halts", ["AAPL"])
    run.start()
    banner = panel.page.locator("#flattening")
    expect(banner).to_contain_text("halted", timeout=15_000)
    banner.get_by_role("button", name="End the flatten").click()
    expect(banner).to_be_hidden()
    assert run.row()["state"] == "cancelled"
    stack.broker.control("PUT", "/halts", [])


def test_before_the_first_reading_it_says_that_nothing_was_read(stack: Stack, panel: Panel) -> None:
    # a real one has read the broker before a page can ask: only this answer is made up
    unread = {"state": "working", "attempts": 0, "startedAt": "2026-11-20T15:30:00Z", "error": None}
    panel.page.route(
        "**/api/bot/flatten",
        lambda route: route.fulfill(json={**unread, "ordersLeft": None, "positionsLeft": None}),
    )
    panel.page.evaluate(
        "import('/static/panel/flatten.js').then(m => "
        " m.show({flatten: 'working', mode: 'paper', asOf: '2026-11-20T15:30:01Z'}))"
    )
    expect(panel.page.locator("#flattening")).to_contain_text("0 rounds: what is left was not read yet.")


def test_live_money_asks_to_type_it(stack: Stack, panel: Panel) -> None:
    # the switch itself is tested elsewhere: only this part of the page is told that the mode is live
    # and it clicks in the same step, before the next status says that the mode is paper
    panel.page.evaluate(
        "import('/static/panel/flatten.js').then(m => {"
        " m.show({flatten: 'none', mode: 'live'}); document.getElementById('flatten').click() })"
    )
    dialog = panel.page.get_by_role("dialog", name="Flatten the account?")
    yes = dialog.get_by_role("button", name="Flatten now")
    expect(yes).to_be_disabled()
    dialog.get_by_label("Type live to flatten").fill("live")
    expect(yes).to_be_enabled()
