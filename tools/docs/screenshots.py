"""Makes the pictures in this folder: the real pages in a real browser, with the made-up day of ``data.py``.

    .venv/bin/python tools/docs/screenshots.py [name …]

Nothing but the pages is served; what they ask the API for is answered from ``data.py``, and the clock stands still.
Needs the requirements of ``script/setup --dev`` and a Chromium, as the tests do.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PICTURES", ROOT / "docs" / "screenshots"))
sys.path[:0] = [str(ROOT)]

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from tests.panel.browser import launch  # noqa: E402
from tools.docs import screenshot_acts as acts  # noqa: E402
from tools.docs import screenshot_clock as clock  # noqa: E402
from tools.docs import screenshot_data as data  # noqa: E402
from tools.docs.screenshot_answers import answer  # noqa: E402
from tools.docs.screenshot_log import ALERTS, COMMANDS, DIFFERENCES, DIFFERS  # noqa: E402
from tools.docs.screenshot_trades import ACCOUNT, DISAGREEING, POSITIONS  # noqa: E402
from web.app import create_app  # noqa: E402

TOKENS = {"operator": "operator-token-of-the-pictures", "viewer": "viewer-token-of-the-pictures"}
PORT = 8765

#: An event stream that says what it is told, and stays open.
STREAM = """
class FixedSource extends EventTarget {
  static CLOSED = 2;
  readyState = 1;
  constructor() {
    super();
    setTimeout(() => this.dispatchEvent(new MessageEvent("status", { data: JSON.stringify(STATUS) })), 20);
    if (LOST) setTimeout(() => this.dispatchEvent(new Event("error")), 200);
  }
  close() {}
}
window.EventSource = FixedSource;
"""


@dataclass(frozen=True)
class Picture:
    name: str
    status: dict[str, Any] | None
    role: str = "operator"
    width: int = 1280
    height: int = 800
    dark: bool = False
    lost: bool = False
    states: str = "running"
    answers: dict[str, Any] = field(default_factory=dict)
    act: Callable[[Page], Any] | None = None


_ALERT = {"alerts": {"items": [DIFFERS, *ALERTS], "nextCursor": None, "unacknowledged": 1}}
_LAST = data.status()["reconciliation"]
_OFFLINE = {"online": False, "lastSeenAt": clock.at(14, 30, 49)}
_QUEUED = {**COMMANDS[0], "kind": "start", "status": "queued", "finishedAt": None, "revision": None}
_BLOCKERS = {
    "mode": "paper",
    "target": "live",
    "blockers": [
        {
            "code": "positions_open",
            "error": "The mode cannot be switched while 2 trades are open. Close them first.",
        },
        {
            "code": "positions_open",
            "error": "The mode cannot be switched while the paper account holds AVTX, BNGO at Alpaca. Close these positions first.",
        },
        {
            "code": "orders_working",
            "error": "The mode cannot be switched while orders work at the paper account: BNGO. Cancel them first.",
        },
    ],
}
_CLOSED_BY_IT = data.status(
    reconciliation={
        **_LAST,
        "differences": DIFFERENCES,
        "missed": 1,
        "finishedAt": clock.at(14, 31, 20),
    },
    acceptingSignals=False,
    reasons=["not_reconciled"],
)
_DISAGREES = {"positions": DISAGREEING, **_ALERT}
_FLATTENING = {
    "state": "working",
    "startedAt": clock.at(14, 31, 58),
    "finishedAt": None,
    "attempts": 2,
    "ordersLeft": 1,
    "positionsLeft": [{"symbol": "BNGO", "shares": 73, "error": "halted"}],
    "error": "BNGO: Alpaca says that trading in it is halted. It is tried again.",
}
_NOTHING = {"positions": {**POSITIONS, "items": []}, "account": ACCOUNT}

PICTURES = (
    Picture("login", None, height=560),
    Picture("running", data.status()),
    Picture("pictures", data.status(), act=lambda page: acts.scroll(page, ".pictures")),
    Picture("log", data.status(), act=lambda page: acts.scroll(page, ".records")),
    Picture(
        "stopped",
        data.status(
            "stopped",
            openPositionCount=0,
            openPnl=None,
            marketOpen=False,
            marketChangesAt="2026-11-23T14:30:00Z",
            reasons=["disabled", "not_running", "market_closed"],
        ),
        states="stopped",
        answers=_NOTHING,
    ),
    Picture("paused", data.status("paused"), states="paused"),
    Picture("killed", data.status("killed"), states="killed"),
    Picture("live", data.status(mode="live")),
    Picture(
        "worker-offline",
        data.status(
            "stopped",
            worker=_OFFLINE,
            pendingCommands=1,
            openPositionCount=0,
            openPnl=None,
            reasons=["disabled", "not_running", "worker_offline"],
        ),
        states="stopped",
        answers={"start": {"commandId": _QUEUED["id"]}, "command": _QUEUED, **_NOTHING},
        act=acts.queue,
    ),
    Picture("disagrees", _CLOSED_BY_IT, height=1000, answers=_DISAGREES),
    Picture("settle-dialog", _CLOSED_BY_IT, height=1000, answers=_DISAGREES, act=acts.settle),
    Picture(
        "gate-closed",
        data.status(acceptingSignals=False, todayRealizedPnl=-512.4, reasons=["daily_loss"]),
        answers={"account": {**ACCOUNT, "equity": 24_714.23, "dayChange": -496.17}},
    ),
    Picture("connection-lost", data.status(), lost=True),
    Picture("kill-dialog", data.status(), act=acts.dialog),
    Picture("flatten-dialog", data.status(), act=acts.flatten),
    Picture(
        "flattening",
        data.status("paused", flatten="working", reasons=["not_running", "flattening"]),
        states="paused",
        answers={"flatten": _FLATTENING},
        act=acts.flattening,
    ),
    Picture(
        "live-dialog",
        data.status("stopped", openPositionCount=0, openPnl=None),
        states="stopped",
        answers=_NOTHING,
        act=acts.mode,
    ),
    Picture(
        "live-blocked", data.status("stopped"), states="stopped", answers={"mode": _BLOCKERS}, act=acts.mode
    ),
    Picture("thresholds", data.status(), act=acts.thresholds),
    Picture("review", data.status(), act=acts.review),
    Picture("trades", data.status(), height=1000, act=acts.trades),
    Picture("details", data.status(), act=acts.details),
    Picture("days", data.status(), height=1000, act=acts.days),
    Picture("alerts", data.status(), act=acts.tab("Alerts")),
    Picture("keys", data.status(), act=lambda page: page.keyboard.press("?")),
    Picture("viewer", data.status(), role="viewer"),
    Picture("narrow", data.status(), width=390, height=844),
    Picture(
        "narrow-log", data.status(), width=390, height=844, act=lambda page: acts.scroll(page, ".records")
    ),
    Picture("narrow-trades", data.status(), width=390, height=844, act=acts.first_trade),
    Picture("narrow-days", data.status(), width=390, height=844, act=acts.days),
    Picture("narrow-killed", data.status("killed"), width=390, height=844, states="killed"),
    Picture("narrow-live", data.status("paused", mode="live"), width=390, height=844, states="paused"),
    Picture("dark", data.status(), dark=True),
    Picture("dark-pictures", data.status(), dark=True, act=lambda page: acts.scroll(page, ".pictures")),
    Picture("dark-trades", data.status(), height=1000, dark=True, act=acts.trades),
    Picture("dark-days", data.status(), height=1000, dark=True, act=acts.days),
    Picture("dark-killed", data.status("killed"), dark=True, states="killed", answers=_ALERT),
    Picture("dark-narrow", data.status(), width=390, height=844, dark=True),
    Picture("dark-live", data.status(mode="live"), dark=True),
)


def take(browser: Browser, picture: Picture, folder: Path) -> None:
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.dark else "light",
        locale="en-US",
        timezone_id="America/New_York",
    )
    page = context.new_page()
    page.clock.install(time=clock.NOW)
    page.goto(f"http://127.0.0.1:{PORT}/login")
    if picture.status is not None:
        script = STREAM.replace("STATUS", json.dumps(picture.status)).replace(
            "LOST", str(picture.lost).lower()
        )
        page.add_init_script(script)
        page.route(
            "**/api/bot/**", lambda route: answer(route, picture.status, picture.states, picture.answers)
        )
        page.get_by_label("Access token").fill(TOKENS[picture.role])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/")
        page.clock.run_for(1_000)
        page.locator("#states-text:not(:empty)").wait_for()
        page.locator("tbody tr").first.wait_for()
        if picture.act is not None:
            picture.act(page)
        page.clock.run_for(300)
    page.screenshot(path=folder / f"{picture.name}.png", animations="disabled", caret="hide")
    context.close()


def main(names: list[str]) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        # no database is there: everything that is shown comes from data.py
        os.environ |= {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "DATA_DIR": scratch,
            "API_TOKENS": f"maria:operator:{TOKENS['operator']},guest:viewer:{TOKENS['viewer']}",
            "SECRET_KEY": "secret-key-of-the-pictures",
        }
        server = make_server("127.0.0.1", PORT, create_app(), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = launch(playwright)
            for picture in PICTURES:
                if not names or picture.name in names:
                    take(browser, picture, FOLDER)
                    print(
                        f"{picture.name}.png: {(FOLDER / f'{picture.name}.png').stat().st_size // 1024} KiB"
                    )
            browser.close()
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
