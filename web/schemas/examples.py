"""An example of each body, and of the most frequent answers, by the name of its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TRADE = "0b1d6f0e-6f5e-4b7e-9c55-1f0a4d1c7a10"
_ORDER = "904837e3-3b76-47ec-b432-046db621571b"
_COMMAND = "4f6d2a70-35a7-4f0f-8c38-6c0f7f6a3c9e"

EXAMPLES: Mapping[str, Sequence[Any]] = {
    # what is sent
    "ReasonIn": [{"reason": "the open looks calm"}],
    "HaltIn": [{"reason": "something is wrong", "flatten": True}],
    "FlattenIn": [{"reason": "done for today"}, {"symbol": "SOIL"}, {"cancel": True}],
    "ModeIn": [{"mode": "paper", "reason": "back to practice"}],
    "ConfigIn": [{"maxConcurrentPositions": 4, "dailyLossLimitUsd": 750, "reason": "a quiet week"}],
    "SettlementIn": [
        {"action": "adopt", "symbol": "RIOT", "reason": "Bought manually"},
        {
            "action": "adjust",
            "tradeId": _TRADE,
            "shares": 10,
            "entryPrice": "8.00",
            "reason": "1:10 reverse split",
        },
        {
            "action": "close",
            "tradeId": _TRADE,
            "exitPrice": "9.98",
            "exitAt": "2026-11-20T15:30:00Z",
            "reason": "Sold manually",
        },
    ],
    "OpenTrade": [{"symbol": "SOIL", "shares": 60, "entryPrice": "9.10", "catalystTier": 2}],
    "RecordEntry": [{"alpacaOrderId": _ORDER, "entryPrice": "9.12", "shares": 60}],
    "MarkExitReason": [{"exitReason": "time_exit"}],
    "RecordExit": [{"shares": 40, "exitPrice": "9.31", "exitReason": "profit_target"}],
    "CloseTrade": [{"exitPrice": "9.40", "exitReason": "trailing_stop"}],
    "VoidTrade": [{"note": "The order is canceled; nothing filled."}],
    "CorrectTrade": [{"exitPrice": "9.33", "reason": "the average of both fills"}],
    "AcknowledgeIn": [{"ids": [_COMMAND]}],
    # what is answered
    "ActionOut": [
        {
            "state": "running",
            "mode": "paper",
            "commandId": _COMMAND,
            "status": "applied",
            "revision": 12,
            "warning": None,
        }
    ],
    "GateOut": [{"mayOpen": False, "mayMonitor": True, "reasons": ["max_positions"]}],
    "PositionsOut": [
        {
            "readAt": "2026-11-20T15:30:02Z",
            "items": [
                {
                    "symbol": "AAPL",
                    "brokerShares": 60,
                    "bookShares": 60,
                    "avgEntryPrice": 190.1,
                    "currentPrice": 191.4,
                    "openPnl": 78.0,
                    "tradeIds": [_TRADE],
                    "difference": None,
                }
            ],
        }
    ],
    "AccountOut": [
        {
            "readAt": "2026-11-20T15:30:02Z",
            "status": "ACTIVE",
            "equity": 25_410.5,
            "lastEquity": 25_300.0,
            "buyingPower": 48_120.0,
            "dayChange": 110.5,
            "blocks": [],
        }
    ],
}
