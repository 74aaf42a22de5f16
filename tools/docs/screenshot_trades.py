"""The trades of the day that the pictures show, and what follows from them: positions, statistics, the account."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

from tools.docs.screenshot_clock import NOW, OPENS, day, iso

#: Symbol, price, catalyst, tier: what moved that day.
_MOVERS = (
    ("KTRA", 4.18, "fda_approval", 1),
    ("BNGO", 6.72, "contract", 2),
    ("RIOT", 11.40, "sector_move", 3),
    ("SNDL", 2.36, "earnings", 2),
    ("PLUG", 3.94, "contract", 3),
    ("TLRY", 1.88, "merger", 1),
    ("AVTX", 8.25, "fda_approval", 1),
    ("MULN", 3.05, "offering", 4),
)
#: Minutes after the open, seconds held, gain in percent, why it ended: a busy first hour, a quiet noon, a busier end.
_CLOSED = (
    (2, 74, 3.9, "trailing_stop"),
    (5, 41, -2.4, "trailing_stop"),
    (9, 187, 6.1, "profit_target"),
    (14, 63, -7.0, "hard_stop"),
    (21, 300, 0.8, "time_exit"),
    (27, 118, 2.7, "trailing_stop"),
    (36, 52, -3.1, "trailing_stop"),
    (44, 231, 5.2, "profit_target"),
    (58, 300, -0.9, "time_exit"),
    (83, 96, 1.9, "trailing_stop"),
    (112, 300, 0.3, "time_exit"),
    (159, 143, -4.4, "trailing_stop"),
    (201, 88, 2.2, "trailing_stop"),
    (246, 300, -0.6, "time_exit"),
    (271, 121, 4.8, "profit_target"),
    (284, 77, 3.3, "trailing_stop"),
    (293, 109, 1.4, "trailing_stop"),
)


def _trade(number: int, entry: datetime, **more: Any) -> dict[str, Any]:
    symbol, base, catalyst, tier = _MOVERS[number % len(_MOVERS)]
    price = round(base * (1 + 0.004 * (number % 5)), 2)
    return {
        "id": f"00000000-0000-4000-9000-{number:012d}",
        "symbol": symbol,
        "mode": "paper",
        "filled": True,
        "entryPrice": price,
        "exitPrice": None,
        "shares": int(500 / price),
        "exitedShares": 0,
        "pnl": None,
        "catalystType": catalyst,
        "catalystTier": tier,
        "exitReason": None,
        "status": "open",
        "note": None,
        "assetId": f"00000000-0000-4000-b000-{number:012d}",
        "adjustedAt": None,
        "acknowledgedAt": None,
        "alpacaOrderId": f"00000000-0000-4000-a000-{number:012d}",
        "alpacaExitOrderId": None,
        "entryAt": iso(entry),
        "exitAt": None,
        "createdAt": iso(entry),
        "updatedAt": iso(entry),
        **more,
    }


def _closed() -> list[dict[str, Any]]:
    found = []
    for number, (minutes, held, gain, why) in enumerate(_CLOSED):
        entry = OPENS + timedelta(minutes=minutes, seconds=7 * number % 60)
        trade = _trade(number, entry)
        exit_price = round(trade["entryPrice"] * (1 + gain / 100), 2)
        ended = iso(entry + timedelta(seconds=held))
        found.append(
            {
                **trade,
                "status": "closed",
                "exitPrice": exit_price,
                "exitedShares": trade["shares"],
                "pnl": round((exit_price - trade["entryPrice"]) * trade["shares"], 2),
                "exitReason": why,
                "exitAt": ended,
                "updatedAt": ended,
            }
        )
    return found


CLOSED = _closed()
OPEN = [
    _trade(22, NOW - timedelta(seconds=196)),
    _trade(17, NOW - timedelta(seconds=61), filled=True),
]
TRADES = [*OPEN[::-1], *CLOSED[::-1]]
REALIZED = round(sum(trade["pnl"] for trade in CLOSED), 2)


def _position(trade: dict[str, Any], price: float) -> dict[str, Any]:
    return {
        "symbol": trade["symbol"],
        "brokerShares": trade["shares"],
        "bookShares": trade["shares"],
        "avgEntryPrice": trade["entryPrice"],
        "currentPrice": price,
        "openPnl": round((price - trade["entryPrice"]) * trade["shares"], 2),
        "tradeIds": [trade["id"]],
        "difference": None,
    }


READ_AT = iso(NOW - timedelta(seconds=12))
POSITIONS: dict[str, Any] = {
    "readAt": READ_AT,
    "items": [
        _position(trade, round(trade["entryPrice"] * factor, 2))
        for trade, factor in zip(OPEN, (1.046, 0.987), strict=True)
    ],
}
#: The same, with half of AVTX gone, and shares that nobody knows of.
DISAGREEING: dict[str, Any] = {
    "readAt": READ_AT,
    "items": [
        {**POSITIONS["items"][0], "brokerShares": 30, "openPnl": 11.4, "difference": "quantity"},
        POSITIONS["items"][1],
        {
            "symbol": "RIOT",
            "brokerShares": 35,
            "bookShares": 0,
            "avgEntryPrice": 11.4,
            "currentPrice": 11.62,
            "openPnl": 7.7,
            "tradeIds": [],
            "difference": "unknown_here",
        },
    ],
}
OPEN_PNL = round(sum(item["openPnl"] for item in POSITIONS["items"]), 2)
ACCOUNT = {
    "readAt": READ_AT,
    "status": "ACTIVE",
    "equity": round(25_210.40 + REALIZED + OPEN_PNL, 2),
    "lastEquity": 25_210.40,
    "buyingPower": 49_438.12,
    "dayChange": round(REALIZED + OPEN_PNL, 2),
    "blocks": [],
}


def intraday() -> dict[str, Any]:
    total, points = 0.0, []
    for trade in sorted(CLOSED, key=lambda each: each["exitAt"]):
        total = round(total + trade["pnl"], 2)
        points.append({"at": trade["exitAt"], "pnl": trade["pnl"], "trades": 1, "cumulative": total})
    return {**day(), "lossLimitUsd": 500, "points": points}


def daily() -> list[dict[str, Any]]:
    """The days before, the last first: good ones, bad ones, none at weekends."""
    chance = random.Random(5)  # noqa: S311 - a drawing, not a secret
    found = [_day_row("2026-11-20", REALIZED, len(CLOSED))]
    on = date(2026, 11, 19)
    while len(found) < 22:
        if on.weekday() < 5:
            found.append(_day_row(on.isoformat(), round(chance.gauss(22, 74), 2), chance.randrange(9, 26)))
        on -= timedelta(days=1)
    return found


def _day_row(on: str, pnl: float, trades: int) -> dict[str, Any]:
    return {
        "date": on,
        "mode": "paper",
        "realizedPnl": pnl,
        "tradeCount": trades,
        "dayTradeCount": trades,
        "updatedAt": READ_AT,
    }


def events(trade_id: str) -> list[dict[str, Any]]:
    trade = next(each for each in TRADES if each["id"] == trade_id)
    order = {"alpacaOrderId": trade["alpacaOrderId"], "filled": True}
    common = {"tradeId": trade_id, "actor": "executor", "reason": None, "commandId": None, "requestKey": None}
    opened: dict[str, Any] = {
        "kind": "opened",
        "before": {},
        "after": {"shares": str(trade["shares"]), "entryPrice": str(trade["entryPrice"])},
    }
    return [
        {
            "id": 2,
            **common,
            "kind": "entry_recorded",
            "before": {"filled": False},
            "after": order,
            "at": trade["entryAt"],
        },
        {"id": 1, **common, **opened, "at": trade["entryAt"]},
    ]


def statistics() -> dict[str, Any]:
    """What ``GET /stats/trades`` says of the day."""
    parts = {
        "byCatalystTier": [(str(tier), _where("catalystTier", tier)) for tier in (1, 2, 3, 4)],
        "byExitReason": [(why, _where("exitReason", why)) for why in sorted({each[3] for each in _CLOSED})],
        "byCatalystType": [
            (kind, _where("catalystType", kind)) for kind in sorted({each[2] for each in _MOVERS})
        ],
    }
    mode: dict[str, Any] = {"mode": "paper", "total": _figures(CLOSED), "maxDrawdown": _drawdown()}
    for name, groups in parts.items():
        mode[name] = [{"value": value, **_figures(trades)} for value, trades in groups if trades]
    return {"minWinRate": 0.5, "items": [mode]}


def _drawdown() -> float:
    height = total = fall = 0.0
    for point in intraday()["points"]:
        total += point["pnl"]
        height = max(height, total)
        fall = min(fall, total - height)
    return round(fall, 2)


def _where(name: str, value: Any) -> list[dict[str, Any]]:
    return [trade for trade in CLOSED if trade[name] == value]


def _figures(trades: list[dict[str, Any]]) -> dict[str, Any]:
    results = [trade["pnl"] for trade in trades]
    gains, losses = [each for each in results if each > 0], [each for each in results if each < 0]
    return {
        "trades": len(results),
        "wins": len(gains),
        "losses": len(losses),
        "winRate": len(gains) / len(results),
        "netPnl": round(sum(results), 2),
        "grossProfit": round(sum(gains), 2),
        "grossLoss": round(sum(losses), 2),
        "profitFactor": sum(gains) / -sum(losses) if losses else None,
        "expectancy": sum(results) / len(results),
        "averageWin": sum(gains) / len(gains) if gains else None,
        "averageLoss": sum(losses) / len(losses) if losses else None,
        "averageHeldSec": 147.0,
    }
