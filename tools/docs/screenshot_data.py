"""The bot as the pictures show it: status, gate and thresholds. Nothing of it is real."""

from __future__ import annotations

from typing import Any

from tools.docs.screenshot_clock import CLOSES, NOW, at, iso
from tools.docs.screenshot_trades import CLOSED, OPEN_PNL, REALIZED

_ALWAYS = ["kill", "update_config", "reconcile", "settle", "flatten"]
ALLOWED = {
    "stopped": ["start", "set_mode", *_ALWAYS],
    "running": ["pause", "stop", *_ALWAYS],
    "paused": ["resume", "stop", *_ALWAYS],
    "killed": ["rearm", "set_mode", *_ALWAYS],
}


def status(state: str = "running", **changes: Any) -> dict[str, Any]:
    killed = state == "killed"
    running = state == "running"
    reasons = {"running": [], "paused": ["not_running"], "stopped": ["disabled", "not_running"]}
    return {
        "state": "stopped" if killed else state,
        "mode": "paper",
        "openPositionCount": 2,
        "todayRealizedPnl": REALIZED,
        "todayTradeCount": len(CLOSED),
        "unsettledTrades": 0,
        "openPnl": OPEN_PNL,
        "marketOpen": True,
        "marketChangesAt": iso(CLOSES),
        "enabled": state in ("running", "paused"),
        "killed": killed,
        "killedAt": at(14, 29, 41) if killed else None,
        "killReason": "fills do not match the orders" if killed else None,
        "allowedCommands": ALLOWED[state],
        "acceptingSignals": running,
        "reasons": ["disabled", "killed", "not_running"] if killed else reasons[state],
        "reconciliation": {
            "outcome": "ok",
            "trigger": "periodic",
            "finishedAt": at(14, 31, 53),
            "ageSec": 12.0,
            "errorCode": None,
            "error": None,
            "missed": 0,
            "differences": [],
            "agreedAt": at(14, 31, 53),
        },
        "flatten": "none",
        "worker": {"online": True, "lastSeenAt": at(14, 32, 3)},
        "pendingCommands": 0,
        "revision": 412,
        "sandbox": False,
        "asOf": iso(NOW),
        **changes,
    }


CONFIG = {
    "positionSizeUsd": 500,
    "confidenceMultiplierHigh": 2,
    "confidenceMultiplierMed": 1,
    "confidenceMultiplierLow": 0.5,
    "maxConcurrentPositions": 3,
    "dailyLossLimitUsd": 500,
    "minWinRate": 0.5,
    "hardStopLossPct": 7,
    "maxHoldDurationSec": 300,
    "enabledCatalystTiers": [1, 2, 3, 4],
    "maxFloatShares": 20_000_000,
    "maxSharePrice": 20,
    "minRelativeVolume": 5,
    "countOpenLoss": True,
    "revision": 412,
    "updatedAt": at(8, 55),
}
