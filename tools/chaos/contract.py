"""What a command may do, written down from the contract, not from Pitboss's code."""

from __future__ import annotations

#: Where each command leads from each state; what is missing is not allowed.
STEPS = {
    "start": {"stopped": "running"},
    "pause": {"running": "paused"},
    "resume": {"paused": "running"},
    "stop": {"running": "stopped", "paused": "stopped"},
    "kill": {"stopped": "stopped", "running": "stopped", "paused": "stopped"},
    "rearm": {"stopped": "stopped"},
    "set_mode": {"stopped": "stopped"},
    "update_config": {"stopped": "stopped", "running": "running", "paused": "paused"},
    "reconcile": {"stopped": "stopped", "running": "running", "paused": "paused"},
    "flatten": {"stopped": "stopped", "running": "paused", "paused": "paused"},
}
HALTS = frozenset({"stop", "kill"})
#: What a halt supersedes if it was issued before it.
CALLED_OFF = frozenset({"start", "pause", "resume", "rearm", "set_mode"})
#: What makes the bot safer: it is always accepted.
SAFER = HALTS | {"pause", "flatten"}
#: These wait for Alpaca's answer; later commands may be finished before them.
GATHERING = frozenset({"set_mode", "reconcile"})
#: How long a command may wait, in seconds; the others wait for ever.
LIFETIME_SEC = {"start": 30, "resume": 30, "set_mode": 30}
#: Statuses that end a command without an effect.
REFUSED = frozenset({"rejected", "expired", "superseded"})
#: Every status code that the interface describes.
ANSWERS = frozenset({200, 202, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503})
