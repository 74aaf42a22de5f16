"""What the lists tell beyond their rows: totals, filters, files, details, keys."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests.panel.driver import Panel
from tests.support.stack import Stack

MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def history(stack: Stack) -> Stack:
    """Five closed trades in paper mode, two of them lost, and one in live."""
    for symbol, pnl, tier, reason, mode, days in (
        ("KTRA", 40, 1, "profit_target", "paper", 0),
        ("KTRA", 20, 1, "trailing_stop", "paper", 0),
        ("RIOT", -30, 3, "hard_stop", "paper", 0),
        ("RIOT", 10, 3, "trailing_stop", None, 2),
        ("SNDL", -5, 3, "time_exit", "paper", 40),
        ("KTRA", 1000, 1, "profit_target", "live", 0),
    ):
        stack.sql(
            "INSERT INTO bot_trade (symbol, entry_price, exit_price, shares, exited_shares, pnl, status, exit_reason,"
            " catalyst_tier, catalyst_type, mode, entry_at, exit_at)"
            " VALUES (%s, 10, 11, 10, 10, %s, 'closed', %s, %s, 'contract', %s, now() - %s, now() - %s + interval '60 s')",
            [symbol, pnl, reason, tier, mode, timedelta(days=days), timedelta(days=days)],
        )
    return stack


def test_totals_are_of_each_mode_and_follow_the_filters(history, panel):
    trades = panel.open_tab("Trades")
    summary = trades.locator("#summary")
    expect(summary.locator("dl").first).to_contain_text(
        re.compile(
            rf"Closed trades\s*5, paper.*Net P&L\s*\+\$35\.00.*Win rate\s*60\.0 % of at least 50\.0 %.*Profit factor\s*2\.00"
            rf".*Expectancy\s*\+\$7\.00 a trade.*\$23\.33 / {MINUS}\$17\.50.*Max\. drawdown\s*{MINUS}\$30\.00.*1 min 0 s",
            re.DOTALL,
        )
    )
    expect(summary.locator("dl").nth(1)).to_contain_text(re.compile(r"1, live.*\+\$1,000\.00", re.DOTALL))
    trades.get_by_label("Mode").select_option("paper")
    expect(summary.locator("dl")).to_have_count(1)
    summary.get_by_text("By tier, exit reason and catalyst").click()
    tiers = summary.get_by_role("table", name="By catalyst tier")
    expect(tiers.get_by_role("row", name="tier 1")).to_contain_text(
        re.compile(r"2.*100\.0 %.*–.*\+\$30\.00.*\+\$60\.00")
    )
    expect(tiers.get_by_role("row", name="tier 3")).to_contain_text(
        re.compile(rf"3.*33\.3 %.*0\.29.*{MINUS}\$25\.00")
    )
    trades.get_by_label("Exit reason").select_option("hard_stop")
    expect(summary).to_contain_text(f"{MINUS}$30.00")
    expect(summary).to_contain_text("0.0 % below 50.0 %")
    expect(trades.locator("tbody tr[data-id]")).to_have_count(1)
    trades.get_by_label("Exit reason").select_option("")
    trades.get_by_label("From").fill((date.today() - timedelta(days=7)).isoformat())  # noqa: DTZ011 - a day more or less is no matter
    expect(trades.locator("tbody tr[data-id]")).to_have_count(4)
    expect(summary).to_contain_text("+$40.00")


def test_a_day_leads_to_its_trades(history, panel):
    today = history.api().read("/stats/intraday")["date"]
    history.sql(
        "INSERT INTO bot_daily_stats (date, mode, realized_pnl, trade_count) VALUES (%s, 'paper', 30, 3)",
        [today],
    )
    days = panel.open_tab("Days")
    expect(days.get_by_role("row").nth(1)).to_contain_text("+$30.00")
    days.get_by_role("button", name=f"Details of {today}").click()
    days.get_by_role("button", name="Trades of this day").click()
    trades = panel.page.get_by_role("tabpanel", name="Trades")
    expect(trades.locator("tbody tr[data-id]")).to_have_count(3)
    expect(trades.get_by_label("From")).to_have_value(today)
    expect(trades.get_by_label("Mode")).to_have_value("paper")


def test_every_list_is_a_file_for_a_spreadsheet_by_the_same_filters(history, panel):
    history.sql("UPDATE bot_trade SET note = '=HYPERLINK(1)' WHERE symbol = 'RIOT'")
    trades = panel.open_tab("Trades")
    trades.get_by_label("Symbol").fill("riot")
    expect(trades.locator("tbody tr[data-id]")).to_have_count(2)
    with panel.page.expect_download() as download:
        trades.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "trades.csv"
    with open(download.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["symbol"], row["pnl"]) for row in rows) == [("RIOT", "-30"), ("RIOT", "10")]
    assert {row["note"] for row in rows} == {"'=HYPERLINK(1)"}, "a text is no formula"
    for path in ("/commands", "/stats/daily", "/reconciliations", "/alerts"):
        answer = history.api("viewer").get(f"{path}?format=csv")
        assert answer.headers["content-type"].startswith("text/csv"), path
        next(csv.reader(io.StringIO(answer.text)))


def test_a_command_shows_its_id_to_copy_and_what_it_changed_from_what(stack, open_panel):
    stack.api().patch("/config", {"maxSharePrice": 25})
    stack.api().patch("/config", {"maxSharePrice": 30, "reason": "a wider net"})
    panel: Panel = open_panel(stack, width=390)
    log = panel.page.get_by_role("tabpanel", name="Command log")
    first = log.locator("tbody tr[data-id]").first
    expect(first.locator('td[data-label="Command"]')).to_have_text(
        "Change thresholds: max share price 25 → 30"
    )
    first.get_by_role("button", name="Details of").click()
    details = log.locator("tr.details")
    command = str(stack.commands()[-1]["id"])
    expect(details).to_contain_text(command)
    for width in (390, 1280):
        panel.resize(width)
        expect(details.get_by_text("25 → 30")).to_be_visible()
        expect(details.get_by_role("button", name=f"Copy {command}")).to_be_visible()
    stack.api().do("/start")
    expect(first).to_contain_text("Start")
    expect(details).to_contain_text("25 → 30")  # what was open stays open


def test_the_log_is_searched_by_any_text(stack, panel):
    stack.api().do("/start", {"reason": "the bell rang, 100% sure"})
    stack.api().do("/stop", {"reason": "lunch"})
    log = panel.page.get_by_role("tabpanel", name="Command log")
    rows = log.locator("tbody tr[data-id]")
    log.get_by_label("Search").fill("BELL rang, 100%")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("the bell rang")
    log.get_by_label("Search").fill(str(stack.commands()[-1]["id"])[:18])
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("lunch")


def test_25_trades_are_25_rows_on_a_phone(stack, open_panel):
    for number in range(25):
        stack.sql(
            "INSERT INTO bot_trade (symbol, entry_price, exit_price, shares, pnl, status, exit_reason, note)"
            " VALUES (%s, 10, 11, 10, 10, 'closed', 'trailing_stop', 'a note that is long enough to fill a line or two')",
            [f"T{number}"],
        )
    panel: Panel = open_panel(stack, width=390)
    trades = panel.open_tab("Trades")
    rows = trades.locator("tbody tr[data-id]")
    expect(rows).to_have_count(25)
    heights = rows.evaluate_all("rows => rows.map((row) => row.getBoundingClientRect().height)")
    assert max(heights) < 48, "each is one row"
    first = rows.first
    expect(first.get_by_text("a note that is long")).to_be_hidden()
    first.get_by_role("button", name="Details of the trade of").click()
    expect(first.get_by_text("a note that is long")).to_be_visible()
    expect(trades.locator("tr.details")).to_contain_text("Id")
    assert panel.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_gate_that_is_closed_is_as_loud_as_a_stopped_bot(stack, panel):
    panel.press("Start")
    panel.expect_state("Running")
    expect(panel.page).to_have_title(re.compile(r"^(\(\d+\) )?Running – Pitboss$"))
    expect(panel.page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("icon-running"))
    stack.broker.positions("paper", RIOT=35)
    panel.press("Reconcile")
    gate = panel.page.locator("#gate h3")
    expect(gate).to_have_text("Gate closed")
    size = "node => parseFloat(getComputedStyle(node).fontSize)"
    assert gate.evaluate(size) >= panel.page.locator(".state").evaluate(size)
    colour = "node => getComputedStyle(node).color"
    assert panel.page.locator(".state").evaluate(colour) == gate.evaluate(colour), "no green word beside it"
    expect(panel.page).to_have_title(re.compile("Gate closed, running – Pitboss"))
    expect(panel.page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("icon-closed"))
    expect(panel.page.locator("#state-badge")).to_contain_text("gate closed")


def test_the_tab_says_that_the_connection_is_lost(stack, panel):
    stack.web.close()
    expect(panel.page).to_have_title(re.compile("Connection lost – Pitboss"), timeout=15_000)
    expect(panel.page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("icon-lost"))


def test_keys_steer_but_none_kills_alone(stack, panel):
    page, keys = panel.page, panel.page.keyboard
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    keys.press("Escape")
    keys.press("Shift+S")
    panel.expect_state("Running")
    keys.press("p")
    panel.expect_state("Paused")
    before = len(stack.commands())
    for key, name in (("Shift+K", "Kill the bot?"), ("f", "Flatten the account?")):
        keys.press(key)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        keys.press("Escape")
        expect(page.get_by_role("dialog", name=name)).to_be_hidden()
    keys.press("g")
    keys.press("d")
    expect(page.get_by_role("tabpanel", name="Days")).to_be_visible()
    keys.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    keys.type("pSX")
    expect(page.get_by_label("Search")).to_have_value("pSX")
    assert len(stack.commands()) == before, "what is typed into a field is no shortcut"
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys are on").uncheck()
    keys.press("Escape")
    keys.press("Shift+X")
    assert len(stack.commands()) == before
    panel.expect_state("Paused")


def test_a_key_is_not_lost_that_comes_right_after_a_dialog_was_closed(panel):
    panel.page.evaluate(
        """() => {
            const dialog = document.getElementById("kill-dialog");
            dialog.showModal();
            const field = dialog.querySelector("input");
            field.focus();
            dialog.close();
            for (const key of "gd") field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        }"""
    )
    expect(panel.page.get_by_role("tabpanel", name="Days")).to_be_visible()


def test_it_can_be_installed(stack, panel):
    manifest = panel.page.evaluate(
        "fetch(document.querySelector('link[rel=manifest]').href).then((r) => r.json())"
    )
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/")
    for icon in manifest["icons"]:
        assert panel.page.request.get(f"{stack.url}/static/panel/{icon['src']}").ok, icon
