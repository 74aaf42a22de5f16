"""How long it takes from a fill at the broker to the panel.

    .venv/bin/python -m tests.panel.measure_positions

A whole system on a database of its own, with the panel open in a real browser. A time ends when the page's table says it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from uuid import uuid4

from playwright.sync_api import Page, sync_playwright

from launcher.embedded import Postgres
from launcher.reaper import Guard
from tests.conftest import DatabaseServer
from tests.faults.flatten_run import FlattenRun
from tests.panel import browser as chromium
from tests.panel.driver import Panel
from tests.support.migrations import migrate
from tests.support.stack import Stack

ROUNDS = 20

#: Resolves with the time at which the cell of a symbol says a text.
WAIT = """([symbol, label, text]) => {
    const shows = () => document.querySelector(`tr[data-symbol="${symbol}"] td[data-label="${label}"]`)?.textContent === text;
    window.shownAt = new Promise((done) => {
        const look = () => shows() && done(Date.now());
        new MutationObserver(look).observe(document.getElementById("positions-rows"), { childList: true, subtree: true, characterData: true });
        look();
    });
}"""


def shown_after(page: Page, symbol: str, label: str, text: str, act: Callable[[], float]) -> float:
    """Milliseconds from the moment that *act* returns until the page shows *text*."""
    page.evaluate(WAIT, [symbol, label, text])
    began = act()
    return float(page.evaluate("window.shownAt")) - began * 1000


def main() -> None:
    guard = Guard()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="pitboss-measure-") as name, sync_playwright() as playwright:
        folder = Path(name)
        postgres = Postgres(folder / "postgres", guard=guard)
        postgres.start()
        server = DatabaseServer(postgres.url_of("postgres"))
        url = server.url_of(server.create())
        migrate(url)
        with closing(Stack(folder / "stack", url, guard=guard)) as stack:
            stack.start()
            run = FlattenRun(stack)
            run.holds(AAPL=10)
            browser = chromium.launch(playwright)
            page = browser.new_page()
            Panel(page, stack).log_in()
            api = stack.api()

            def reconcile() -> None:
                stack.sql("UPDATE bot_reconciliation SET requests = 0")
                api.do("/reconcile", headers={"Prefer": "wait=10"})

            def reading() -> float:
                reconcile()
                [row] = stack.sql("SELECT extract(epoch FROM max(finished_at)) AS at FROM bot_reconciliation")
                return float(row["at"])

            def filled() -> float:
                began = time.time()
                order = {"symbol": "AAPL", "side": "buy", "qty": "1", "price": "10"}
                run.control("POST", "/trades", order)
                reconcile()
                return began

            for number in range(ROUNDS):
                price = f"{11 + number / 100:.2f}"
                stack.broker.control("PUT", "/prices", {"AAPL": price})
                for what, label, text, act in (
                    ("a reading is committed", "Price", f"${price}", reading),
                    ("a fill at the broker, read at once", "Shares", str(11 + number), filled),
                ):
                    times.setdefault(what, []).append(shown_after(page, "AAPL", label, text, act))
            for number in range(ROUNDS):
                trade = str(stack.open_trade("KTRA", 1))
                key = f"T{number}"
                spent = shown_after(page, key, "Shares", "7", partial(_record, stack, trade, key))
                times.setdefault("a fill is recorded (POST …/entry)", []).append(spent)
            browser.close()
        postgres.stop()
    guard.dismiss()
    print(f"{'from when … until the page shows it, ms':<44}{'p50':>8}{'most':>8}")
    for what, found in times.items():
        print(f"{what:<44}{median(found):>8.0f}{max(found):>8.0f}")


def _record(stack: Stack, trade: str, symbol: str) -> float:
    stack.sql(
        "UPDATE bot_trade SET filled = false, symbol = %s, mode = 'paper' WHERE id = %s", [symbol, trade]
    )
    began = time.time()
    said = {"entryPrice": "9.12", "shares": 7, "alpacaOrderId": str(uuid4())}
    answer = stack.api().post(f"/trades/{trade}/entry", said)
    assert answer.ok, answer.text
    return began


if __name__ == "__main__":
    main()
