"""What the pages are answered when they ask the API for the day that the pictures show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Route

from tools.docs import screenshot_data as data
from tools.docs import screenshot_equity
from tools.docs import screenshot_log as log
from tools.docs import screenshot_trades as money


def answer(route: Route, status: Any, states: str, answers: Mapping[str, Any]) -> None:
    """Answer *route*; *answers* takes the place of what the day says, by path."""
    path = re.sub(r"^.*/api/bot/|\?.*$", "", route.request.url)
    code, body = 200, _of_day(path, route.request.url, status, states)
    if route.request.method == "POST":
        code, body = 202, answers[path]
    elif path.startswith("commands/"):
        body = answers["command"]
    elif path in answers:
        body = answers[path]
    route.fulfill(status=code, json=body)


def _of_day(path: str, url: str, status: Any, states: str) -> Any:
    match path.split("/"):
        case ["config"]:
            return data.CONFIG
        case ["commands"] if "kind=update_config" in url:
            return {"items": log.CHANGES, "nextCursor": None}
        case ["commands"]:
            return {"items": log.COMMANDS, "nextCursor": "more"}
        case ["trades"]:
            return {"items": money.OPEN if "status=open" in url else money.TRADES, "nextCursor": None}
        case ["trades", trade, "events"]:
            return {"items": money.events(trade), "nextCursor": None}
        case ["positions"]:
            return money.POSITIONS
        case ["account"]:
            return money.ACCOUNT
        case ["mode"]:
            return {"mode": "paper", "target": "live", "blockers": []}
        case ["alerts"]:
            return {"items": log.ALERTS, "nextCursor": None, "unacknowledged": 0}
        case ["reconciliations"]:
            return {"items": log.RECONCILIATIONS, "nextCursor": None}
        case ["stats", "trades"]:
            return money.statistics()
        case ["stats", "daily"]:
            return {"items": money.daily(), "nextCursor": None}
        case ["stats", "equity"]:
            return screenshot_equity.equity(status["mode"])
        case ["stats", "intraday"]:
            return money.intraday()
        case ["states"]:
            return log.states(states)
        case ["flatten"]:
            return {"state": "none", "attempts": 0, "positionsLeft": None, "ordersLeft": None}
    return status
