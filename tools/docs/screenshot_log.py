"""What was commanded, reconciled and told on the day that the pictures show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tools.docs.screenshot_clock import BEGINS, NOW, at, day, iso


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

#: Every change of thresholds, the newest first; the older one is of days ago.
CHANGES = [
    COMMANDS[3],
    _command(391, (8, 55, 0), "update_config", "maria", "panel", params={"maxConcurrentPositions": 2}),
]


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
    return {**day(), "items": items}


RECONCILIATIONS = [
    {
        "id": 88,
        "trigger": "periodic",
        "mode": "paper",
        "startedAt": at(14, 31, 53),
        "finishedAt": at(14, 31, 53),
        "outcome": "ok",
        "error": None,
        "openTrades": 2,
        "brokerPositions": 2,
        "matched": 2,
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


def _alert(
    seq: int, clock: tuple[int, int, int], kind: str, severity: str, text: str, **more: Any
) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-c000-{seq:012d}",
        "seq": seq,
        "kind": kind,
        "severity": severity,
        "text": text,
        "createdAt": at(*clock),
        "delivery": "delivered",
        "error": None,
        "resolvedAt": None,
        "acknowledgedAt": None,
        "acknowledgedBy": None,
        **more,
    }


ALERTS = [
    _alert(
        31,
        (14, 5, 40),
        "clocks_disagree",
        "warning",
        "Alpaca says that the market is closed; the exchange's calendar says otherwise. The gate is closed unless both say open.",
        resolvedAt=at(14, 6, 41),
    ),
    _alert(
        30,
        (11, 44, 9),
        "trades_missed",
        "critical",
        "1 trade written off in paper mode: AVTX. Alpaca has no position and no fill that explains it, so their result is"
        " not in the books. Settle or acknowledge them.",
        acknowledgedAt=at(11, 52, 3),
        acknowledgedBy="maria",
    ),
    _alert(29, (9, 24, 50), "started", "info", "Started by maria (panel, paper mode)."),
]
DIFFERENCES = [
    {"symbol": "AVTX", "kind": "quantity", "here": "60", "there": "30", "tradeIds": []},
    {"symbol": "RIOT", "kind": "unknown_here", "here": "0", "there": "35", "tradeIds": []},
]
DIFFERS = _alert(
    32,
    (14, 31, 20),
    "reconciliation_differs",
    "critical",
    "Alpaca and the database disagree in paper mode on AVTX (here 60, there 30), RIOT (here 0, there 35). The gate is closed"
    " until they agree.",
)
