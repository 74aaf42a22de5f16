"""An operator's day with the panel."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.panel.driver import Panel


def test_a_wrong_token_is_refused_and_a_right_one_opens_the_panel_until_logout(stack, open_page):
    page = open_page()  # the browser's console reports the 401
    page.goto(stack.url)
    expect(page).to_have_url(f"{stack.url}/login")
    page.get_by_label("Access token").fill("not-a-token-that-is-known")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known here")

    panel = Panel(page, stack).log_in()
    panel.expect_state("Stopped")
    assert not page.context.cookies()[0]["value"].startswith("ey"), (
        "the session is not readable JSON at a glance"
    )

    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{stack.url}/login")
    page.goto(stack.url)
    expect(page).to_have_url(f"{stack.url}/login")


def test_start_pause_resume_and_stop_show_their_outcome_and_are_in_the_log(stack, panel):
    for name, state, reason in (
        ("Start", "Running", "the bell"),
        ("Pause", "Paused", "news"),
        ("Resume", "Running", ""),
        ("Stop", "Stopped", "enough"),
    ):
        panel.press(name, reason)
        panel.expect_outcome("applied")
        panel.expect_state(state)
        assert stack.status()["state"] == state.lower()
    log = panel.page.get_by_role("region", name="Command log")
    expect(log.get_by_role("row").nth(1)).to_contain_text(
        re.compile(r"Stop.*applied.*operator.*panel.*enough")
    )
    rows = stack.commands()[-4:]
    assert [(row["kind"], row["actor"], row["source"], row["reason"]) for row in rows] == [
        ("start", "operator", "panel", "the bell"),
        ("pause", "operator", "panel", "news"),
        ("resume", "operator", "panel", None),
        ("stop", "operator", "panel", "enough"),
    ]


def test_only_what_the_state_allows_can_be_pressed(panel):
    def enabled() -> set[str]:
        names = ("Start", "Pause", "Resume", "Stop", "Rearm", "Reconcile", "Switch to live…")
        return {name for name in names if panel.button(name).get_attribute("aria-disabled") == "false"}

    assert enabled() == {"Start", "Reconcile", "Switch to live…"}
    panel.press("Start")
    panel.expect_state("Running")
    expect(panel.button("Start")).to_have_attribute("aria-disabled", "true")
    assert enabled() == {"Pause", "Stop", "Reconcile"}
    before = len(panel.stack.commands())
    panel.button("Start").click(force=True)
    panel.press("Stop")
    panel.expect_state("Stopped")
    assert [row["kind"] for row in panel.stack.commands()[before:]] == ["stop"]


def test_kill_asks_once_and_stays_until_it_is_rearmed(stack, panel):
    panel.press("Start")
    panel.expect_state("Running")
    panel.kill_button.click()
    panel.page.keyboard.press("Escape")
    assert stack.status()["state"] == "running"

    panel.kill("fills are wrong")
    panel.expect_state("Killed")
    expect(panel.page.locator("#killed")).to_contain_text("fills are wrong")
    expect(panel.button("Start")).to_have_attribute("aria-disabled", "true")
    expect(panel.kill_button).to_be_enabled()
    killed = stack.status()
    assert (killed["killed"], killed["enabled"], killed["killReason"]) == (True, False, "fills are wrong")

    panel.press("Rearm")
    panel.expect_state("Stopped")
    expect(panel.page.locator("#killed")).to_be_hidden()


def test_what_stands_in_the_way_of_going_live_is_named_before_anything_can_be_typed(stack, panel):
    stack.open_trade("KTRA")
    panel.press("Switch to live…")
    dialog = panel.page.get_by_role("dialog", name="Switch to LIVE money?")
    blockers = dialog.locator("#mode-blockers li")
    expect(blockers).to_have_text(
        [
            "Live mode needs real market hours: unset MARKET_HOURS=always first.",
            "The mode cannot be switched while 1 trade is open. Close it first.",
        ]
    )
    expect(dialog.get_by_label("Type live to confirm")).to_be_disabled()
    expect(dialog.get_by_role("button", name="Switch to live")).to_be_disabled()
    stack.sql("DELETE FROM bot_trade")
    dialog.get_by_role("button", name="Look again").click()
    expect(blockers).to_have_count(1)
    before = len(stack.commands())
    panel.page.keyboard.press("Enter")
    assert len(stack.commands()) == before
    assert stack.status()["mode"] == "paper"


def test_going_live_asks_to_type_it_and_a_refusal_says_why(stack, panel):
    panel.nothing_blocks_the_switch()
    panel.press("Switch to live…")
    dialog = panel.page.get_by_role("dialog", name="Switch to LIVE money?")
    expect(dialog).to_contain_text("Nothing prevents the switch")
    yes = dialog.get_by_role("button", name="Switch to live")
    expect(yes).to_be_disabled()
    dialog.get_by_label("Type live to confirm").fill("LIVE!")
    expect(yes).to_be_disabled()
    dialog.get_by_label("Type live to confirm").press("Enter")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Type live to confirm").fill("live")
    yes.click()
    panel.expect_outcome("rejected")
    panel.expect_outcome("Live mode needs real market hours")
    expect(panel.page.locator("#mode-word")).to_have_text("PAPER")
    assert stack.status()["mode"] == "paper"


def test_what_another_client_does_arrives_without_a_reload_and_leaves_the_focus(stack, panel):
    field = panel.page.get_by_label("Reason").first
    field.fill("half a sent")
    stack.api("operator2").do("/start", {"reason": "from afar"})
    panel.expect_state("Running")
    expect(panel.page.get_by_role("region", name="Command log")).to_contain_text("from afar")
    expect(panel.page.locator("#announce")).to_contain_text("running")
    expect(field).to_be_focused()
    expect(field).to_have_value("half a sent")

    stack.open_trade("KTRA")
    expect(panel.page.locator("#positions")).to_have_text("1 of 3")
    stack.api("operator2").do("/stop")
    panel.expect_state("Stopped")
    expect(panel.page.locator("#unwatched")).to_contain_text("nothing watches")
    panel.expect_never_reloaded()


def test_no_button_moves_while_a_command_is_under_way(stack, panel):
    # as seen from the first of its group: the lists between the groups grow
    look = """() => ["#kill", ".steer", "#save, #undo"].flatMap((group) => {
        const found = [...document.querySelectorAll(group)].map((button) => button.getBoundingClientRect());
        return found.map(({ x, y, width, height }) => [x, y - found[0].y, width, height]);
    })"""

    def boxes() -> dict[int, list[list[float]]]:
        found = {}
        for width in (1280, 390):
            panel.resize(width)
            found[width] = panel.page.evaluate(look)
        return found

    panel.open_tab("Thresholds")
    stack.worker.freeze()
    before = boxes()
    assert [len(each) for each in before.values()] == [10, 10]
    for name in ("Start", "Reconcile"):
        panel.press(name)
        expect(panel.button(name).locator(".progress")).to_have_text("queued")
    assert boxes() == before
    # and with the longest word, on every button at once
    panel.page.evaluate(
        "for (const text of document.querySelectorAll('.progress')) text.textContent = 'no answer, trying again'"
    )
    assert boxes() == before


def test_a_pressed_button_keeps_the_focus(panel):
    panel.button("Start").focus()
    panel.page.keyboard.press("Enter")
    panel.expect_state("Running")
    expect(panel.button("Start")).to_be_focused()


def test_a_reconciliation_shows_what_disagrees(stack, panel):
    stack.broker.positions("paper", RIOT=35)
    panel.press("Reconcile")
    panel.expect_outcome("applied")
    expect(panel.page.locator("#reconciliation")).to_have_text("Disagrees")
    row = panel.page.get_by_role("region", name="What disagrees").get_by_role("row").nth(1)
    expect(row).to_have_text(re.compile(r"RIOT\s*not in the database\s*0\s*35"))
    expect(panel.page.locator("#gate-word")).to_have_text("Accepts no signals")
    reports = panel.open_tab("Reconciliations")
    expect(reports.get_by_role("row").nth(1)).to_contain_text("RIOT: not in the database")


def test_the_log_can_be_filtered(stack, panel):
    for _ in range(2):
        stack.api().do("/start")
        stack.api("operator2").do("/stop")
    stack.api().post("/resume")
    log = panel.page.get_by_role("tabpanel", name="Command log")
    rows = log.locator("tbody tr")
    commands = log.locator('td[data-label="Command"]')  # "start" may also be in the reason of an older stop
    log.get_by_label("Command", exact=True).select_option("stop")
    expect(commands.filter(has_not_text="Stop")).to_have_count(0)
    expect(commands.filter(has_text="Stop")).not_to_have_count(0)
    log.get_by_label("Command", exact=True).select_option("")
    log.get_by_label("Outcome").select_option("rejected")
    expect(rows.first).to_contain_text("Cannot resume")
    log.get_by_label("Outcome").select_option("")
    log.get_by_label("Actor").fill("operator2")
    expect(rows.filter(has_not_text="operator2")).to_have_count(0)
    expect(rows.filter(has_text="operator2")).not_to_have_count(0)
    log.get_by_label("Actor").fill("nobody at all")
    expect(rows.filter(has_text="Nothing matches.")).to_have_count(1)


def test_a_viewer_sees_everything_and_can_press_nothing(stack, open_panel):
    panel = open_panel(stack, "viewer")
    stack.api().do("/start")
    panel.expect_state("Running")
    for button in panel.page.locator("[data-command]").all():
        expect(button).to_be_disabled()
    form = panel.open_tab("Thresholds")
    expect(form.get_by_label("Position size")).to_have_value("500")
    expect(form.get_by_label("Position size")).to_be_disabled()
    # and with the page's own CSRF token the server refuses, too
    answers = panel.page.evaluate("""async () => {
        const token = document.querySelector("meta[name=csrf-token]").content;
        const headers = { "X-CSRF-Token": token, "Content-Type": "application/json" };
        const send = (method, path) => fetch("/api/bot" + path, { method, headers, body: "{}" }).then((r) => r.status);
        return Promise.all([send("POST", "/stop"), send("POST", "/kill"), send("PATCH", "/config")]);
    }""")
    assert answers == [403, 403, 403]
    assert stack.status()["state"] == "running"


def test_the_pictures_say_what_was_earned(stack, panel):
    stack.sql(
        "INSERT INTO bot_trade (symbol, entry_price, exit_price, shares, pnl, status, exit_at)"
        " VALUES ('KTRA', 10, 9, 20, -20, 'closed', now()), ('RIOT', 10, 11, 50, 50, 'closed', now())"
    )
    stack.sql(
        "INSERT INTO bot_trade_exit (trade_id, shares, price, at, pnl, source)"
        " SELECT id, shares, exit_price, exit_at, pnl, 'ledger' FROM bot_trade WHERE pnl IS NOT NULL"
    )
    stack.sql(
        "INSERT INTO bot_daily_stats (date, mode, realized_pnl, trade_count) VALUES"
        " ((now() AT TIME ZONE 'America/New_York')::date, 'paper', 30, 2), ('2026-01-05', 'paper', -100, 4),"
        " ('2026-01-05', 'live', 1000, 4)"
    )
    expect(panel.page.locator("#intraday-text")).to_contain_text("+$30.00 after 2 closed trades")
    expect(panel.page.locator("#daily-text")).to_contain_text(
        "$70.00 over 2 trading days, 1 of them with a gain"
    )
    expect(panel.page.locator("#states-text")).to_contain_text("Now stopped")
    # the line above zero is a gain, whatever the two axes show
    zeros = panel.page.evaluate(
        """() => {
            const { y, sum } = Chart.getChart("daily").scales;
            return [y, sum].map((axis) => [axis.getPixelForValue(0), axis.ticks.some((tick) => tick.value === 0)]);
        }"""
    )
    assert zeros[0] == zeros[1]
    assert zeros[0][1], "a tick says where zero is"
    drawn = panel.page.evaluate("""() => ["intraday", "daily", "states"].map((id) => {
        const canvas = document.getElementById(id);
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels.some((value) => value !== 0);
    })""")
    assert drawn == [True, True, True]


def test_nothing_is_fetched_from_outside(stack, open_page):
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    Panel(page, stack).log_in()
    expect(page.locator("#states-text")).not_to_be_empty()
    assert [url for url in asked if not url.startswith((stack.url, "data:"))] == []
    assert any(url.endswith("chart.umd.min.js") for url in asked)
