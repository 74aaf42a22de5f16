"""The day that the pictures show: Friday, 20 November 2026, 14:32:05 in New York. Nothing of it is real."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 20, 14, 32, 5, tzinfo=NEW_YORK)
OPENS, CLOSES = NOW.replace(hour=9, minute=30, second=0), NOW.replace(hour=16, minute=0, second=0)
BEGINS = NOW.replace(hour=0, minute=0, second=0)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def at(hour: int, minute: int, second: int = 0) -> str:
    return iso(NOW.replace(hour=hour, minute=minute, second=second))


ALLOWED = {
    "stopped": ["start", "kill", "set_mode", "update_config", "reconcile"],
    "running": ["pause", "stop", "kill", "update_config", "reconcile"],
    "paused": ["resume", "stop", "kill", "update_config", "reconcile"],
    "killed": ["kill", "rearm", "set_mode", "update_config", "reconcile"],
}


def status(state: str = "running", **changes: Any) -> dict[str, Any]:
    killed = state == "killed"
    running = state == "running"
    reasons = {"running": [], "paused": ["not_running"], "stopped": ["disabled", "not_running"]}
    return {
        "state": "stopped" if killed else state,
        "mode": "paper",
        "openPositionCount": 2,
        "todayRealizedPnl": 184.62,
        "todayTradeCount": 17,
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
            "trigger": "startup",
            "finishedAt": at(9, 2, 11),
            "ageSec": 19794.0,
            "errorCode": None,
            "error": None,
            "missed": 0,
            "differences": [],
        },
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
    "revision": 412,
    "updatedAt": at(8, 55),
}


def _command(
    seq: int, clock: tuple[int, int, int], kind: str, actor: str, source: str, **more: Any
) -> dict[str, Any]:
    issued = NOW.replace(hour=clock[0], minute=clock[1], second=clock[2])
    took = more.pop("took_ms", 6)
    return {
        "id": f"00000000-0000-4000-8000-{seq:012d}",
        "seq": seq,
        "kind": kind,
        "params": {},
        "actor": actor,
        "source": source,
        "reason": None,
        "status": "applied",
        "fromState": None,
        "toState": None,
        "revision": seq,
        "errorCode": None,
        "error": None,
        "issuedAt": iso(issued),
        "expiresAt": None,
        "finishedAt": iso(issued + timedelta(milliseconds=took)),
        **more,
    }


COMMANDS = [
    _command(412, (13, 58, 20), "resume", "maria", "panel", fromState="paused", toState="running", took_ms=7),
    _command(
        411,
        (13, 41, 2),
        "pause",
        "maria",
        "panel",
        fromState="running",
        toState="paused",
        took_ms=5,
        reason="Fed minutes at 14:00",
    ),
    _command(
        410,
        (12, 17, 44),
        "set_mode",
        "maria",
        "panel",
        params={"mode": "live"},
        status="rejected",
        fromState="running",
        revision=None,
        errorCode="not_stopped",
        took_ms=31,
        error="The mode can only be switched while the bot is stopped; it is running. Stop it first.",
    ),
    _command(
        409,
        (11, 5, 9),
        "update_config",
        "tom",
        "api",
        params={"maxConcurrentPositions": 3},
        fromState="running",
        toState="running",
        took_ms=6,
        reason="one more place",
    ),
    _command(
        408, (10, 30, 31), "reconcile", "tom", "api", fromState="running", toState="running", took_ms=412
    ),
    _command(407, (9, 24, 50), "start", "maria", "panel", fromState="stopped", toState="running", took_ms=8),
    _command(
        406,
        (9, 2, 12),
        "start",
        "night-job",
        "celery",
        status="expired",
        fromState="stopped",
        revision=None,
        took_ms=30_200,
        errorCode="expired",
        error="The command was not applied in time and has expired; nothing was changed.",
    ),
]


def trades() -> list[dict[str, Any]]:
    chance = random.Random(7)  # noqa: S311 - a drawing, not a secret
    found = []
    symbols = ["KTRA", "BNGO", "SNDL", "MULN", "PLUG", "RIOT", "FFIE", "TLRY"]
    for number in range(14):
        entry = NOW - timedelta(minutes=3 + number * 19, seconds=chance.randrange(60))
        is_open = number < 2
        price = round(chance.uniform(3, 18), 2)
        gain = round(chance.uniform(-0.05, 0.07) * price, 2)
        shares = int(500 / price)
        found.append(
            {
                "id": f"00000000-0000-4000-9000-{number:012d}",
                "symbol": symbols[number % len(symbols)],
                "entryPrice": price,
                "exitPrice": None if is_open else round(price + gain, 2),
                "shares": shares,
                "pnl": None if is_open else round(gain * shares, 2),
                "catalystType": chance.choice(["fda_approval", "earnings", "contract", "merger"]),
                "catalystTier": chance.randrange(1, 5),
                "exitReason": None
                if is_open
                else chance.choice(["trailing_stop", "profit_target", "time_exit"]),
                "status": "open" if is_open else "closed",
                "note": None,
                "entryAt": iso(entry),
                "exitAt": None if is_open else iso(entry + timedelta(seconds=chance.randrange(30, 300))),
            }
        )
    return found


def intraday() -> dict[str, Any]:
    chance = random.Random(11)  # noqa: S311
    points, total = [], 0.0
    moment = OPENS + timedelta(minutes=4)
    steps = [-48, 62, -91, -120, -74, 55, -60, 84, 120, -35, 140, 71, -22, 96, -41, 88]
    for step in steps:
        total = round(total + step, 2)
        points.append({"at": iso(moment), "pnl": step, "trades": 1, "cumulative": total})
        moment += timedelta(minutes=chance.randrange(7, 27))
    total = 184.62
    points.append({"at": iso(NOW - timedelta(minutes=6)), "pnl": 59.62, "trades": 1, "cumulative": total})
    return {**_day(), "lossLimitUsd": 500, "points": points}


def daily() -> list[dict[str, Any]]:
    chance = random.Random(5)  # noqa: S311
    found: list[dict[str, Any]] = []
    day = date(2026, 11, 19)
    while len(found) < 21:
        if day.weekday() < 5:
            count = chance.randrange(9, 26)
            found.append(
                {
                    "date": day.isoformat(),
                    "realizedPnl": round(chance.gauss(70, 190), 2),
                    "tradeCount": count,
                    "dayTradeCount": count,
                }
            )
        day -= timedelta(days=1)
    return [{"date": "2026-11-20", "realizedPnl": 184.62, "tradeCount": 17, "dayTradeCount": 17}, *found]


def states(last: str = "running") -> dict[str, Any]:
    ends = NOW if last == "running" else NOW.replace(hour=14, minute=29, second=41)
    steps = [
        ("stopped", BEGINS, None),
        ("running", NOW.replace(hour=9, minute=24, second=50), "start"),
        ("paused", NOW.replace(hour=13, minute=41, second=2), "pause"),
        ("running", NOW.replace(hour=13, minute=58, second=20), "resume"),
    ]
    if last != "running":
        steps.append((last, ends, {"killed": "kill", "stopped": "stop", "paused": "pause"}[last]))
    items = []
    for (name, began, kind), following in zip(steps, [*[step[1] for step in steps[1:]], NOW], strict=True):
        items.append(
            {
                "state": "stopped" if name == "killed" else name,
                "killed": name == "killed",
                "mode": "paper",
                "beganAt": iso(began),
                "endedAt": iso(following),
                "kind": kind,
                "actor": "maria" if kind else None,
            }
        )
    return {**_day(), "items": items}


RECONCILIATIONS = [
    {
        "id": 88,
        "trigger": "manual",
        "mode": "paper",
        "startedAt": at(10, 30, 31),
        "finishedAt": at(10, 30, 31),
        "outcome": "ok",
        "error": None,
        "openTrades": 1,
        "brokerPositions": 1,
        "matched": 1,
        "missed": 0,
        "inFlight": 0,
        "differences": [],
    },
    {
        "id": 87,
        "trigger": "startup",
        "mode": "paper",
        "startedAt": at(9, 2, 10),
        "finishedAt": at(9, 2, 11),
        "outcome": "ok",
        "error": None,
        "openTrades": 0,
        "brokerPositions": 0,
        "matched": 0,
        "missed": 0,
        "inFlight": 0,
        "differences": [],
    },
]


def _day() -> dict[str, Any]:
    return {
        "date": "2026-11-20",
        "beginsAt": iso(BEGINS),
        "endsAt": iso(BEGINS + timedelta(days=1)),
        "opensAt": iso(OPENS),
        "closesAt": iso(CLOSES),
        "asOf": iso(NOW),
    }
