"""What a client sends: valid commands, commands that the state does not allow, and requests that are wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tools.chaos.history import LOOK

#: What makes sense in a state; half of the commands are taken from here, the other half from all.
SENSIBLE = {
    "stopped": ["start", "start", "start", "rearm", "set_mode", "update_config"],
    "running": ["pause", "pause", "stop", "kill", "update_config", "flatten"],
    "paused": ["resume", "resume", "stop", "kill", "flatten"],
}
WEIGHTS = {
    "start": 16,
    "pause": 10,
    "resume": 10,
    "stop": 12,
    "kill": 6,
    "rearm": 10,
    "set_mode": 5,
    "update_config": 8,
    "reconcile": 4,
    "flatten": 3,
    LOOK: 9,
    "wrong": 10,
}


@dataclass(frozen=True)
class PlannedRequest:
    """One request, to be sent once or, with an Idempotency-Key, several times."""

    kind: str
    method: str
    path: str
    json: Any = None
    data: bytes | None = None
    role: str = "operator"
    headers: dict[str, str] = field(default_factory=dict)


def choose(rng: random.Random, state: str, mark: str) -> PlannedRequest:
    """Something to send to a bot that is perhaps *state*; its reason is *mark*."""
    if rng.random() < 0.5:
        kind = rng.choice(SENSIBLE.get(state, ["start"]))
    else:
        kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    if kind == "wrong":
        return _wrong(rng, mark)
    if kind == LOOK:
        return PlannedRequest(LOOK, "GET", "/status")
    if rng.random() < 0.03:
        return PlannedRequest(kind, "POST", f"/{kind}", {"reason": mark}, role="viewer")
    return _right(rng, kind, mark)


def _right(rng: random.Random, kind: str, mark: str) -> PlannedRequest:
    if kind == "set_mode":
        return PlannedRequest(kind, "PATCH", "/mode", {"mode": rng.choice(["paper", "live"]), "reason": mark})
    if kind == "update_config":
        changes = {"maxConcurrentPositions": rng.randint(1, 50), "reason": mark}
        return PlannedRequest(kind, "PATCH", "/config", changes)
    return PlannedRequest(kind, "POST", f"/{kind}", {"reason": mark})


def _wrong(rng: random.Random, mark: str) -> PlannedRequest:
    return rng.choice(
        [
            PlannedRequest("start", "POST", "/start", {"reason": mark, "when": "now"}),
            PlannedRequest("start", "POST", "/start", {"reason": [mark]}),
            PlannedRequest("kill", "POST", "/kill", {"reason": mark + "x" * 500}),
            PlannedRequest("stop", "POST", "/stop", data=b'{"reason": "' + mark.encode()),
            PlannedRequest("stop", "POST", "/stop", [mark]),
            PlannedRequest("pause", "POST", "/pause", {"reason": mark + "x" * 70_000}),
            PlannedRequest("set_mode", "PATCH", "/mode", {"mode": "demo", "reason": mark}),
            PlannedRequest("update_config", "PATCH", "/config", {"positionSizeUsd": -1, "reason": mark}),
            PlannedRequest(
                "update_config",
                "PATCH",
                "/config",
                {"maxConcurrentPositions": 2, "state": "x", "reason": mark},
            ),
            PlannedRequest("start", "POST", "/start", {"reason": mark}, role="nobody"),
            PlannedRequest(
                "start", "POST", "/start", {"reason": mark}, headers={"Idempotency-Key": "has a space"}
            ),
            PlannedRequest("start", "POST", "/begin", {"reason": mark}),
            PlannedRequest("start", "PUT", "/start", {"reason": mark}),
        ]
    )
