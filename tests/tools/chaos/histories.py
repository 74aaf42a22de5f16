"""Histories for the checker: one in which all is well, to be spoiled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.chaos.history import LOOK, Attempt, Config, Flatten, History, Row

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
LIFETIME_SEC = {"start": 30, "resume": 30, "set_mode": 30}


def row(seq: int, kind: str, step: str, *, revision: int | None, **changes: Any) -> Row:
    """A finished command; *step* as in ``"stopped running"``, or the error code of a refusal."""
    is_applied = revision is not None
    from_state, _, to_state = step.partition(" ")
    issued = NOON + timedelta(seconds=seq)
    lifetime = LIFETIME_SEC.get(kind)
    found = Row(
        id=f"id-{seq}",
        seq=seq,
        kind=kind,
        params={},
        source="api",
        reason=f"mark-{seq}",
        status="applied" if is_applied else "rejected",
        from_state=from_state,
        to_state=to_state if is_applied else None,
        mode="paper",
        revision=revision,
        error_code=None if is_applied else to_state,
        issued_at=issued,
        expires_at=None if lifetime is None else issued + timedelta(seconds=lifetime),
        finished_at=issued + timedelta(milliseconds=10),
    )
    return replace(found, **changes)


def told(row: Row, **changes: Any) -> Attempt:
    """What the client of *row* was told, in time before the next command."""
    body: dict[str, Any] = {"error": "No.", "code": row.error_code, "details": {"commandId": row.id}}
    if row.status == "applied":
        body = {
            "commandId": row.id,
            "state": row.to_state,
            "mode": row.mode,
            "status": row.status,
            "revision": row.revision,
        }
    attempt = Attempt(
        client="client-1",
        mark=row.reason or "",
        kind=row.kind,
        role="operator",
        key=None,
        prefer=None,
        sent_at=row.seq + 0.0,
        answered_at=row.seq + 0.5,
        status=200 if row.status == "applied" else 409,
        body=body,
        exception=None,
    )
    return replace(attempt, **changes)


def looked(at: float, revision: int, state: str, mode: str = "paper") -> Attempt:
    return Attempt(
        client="client-2",
        mark="look",
        kind=LOOK,
        role="operator",
        key=None,
        prefer=None,
        sent_at=at,
        answered_at=at + 0.1,
        status=200,
        body={"revision": revision, "state": state, "mode": mode},
        exception=None,
    )


def fine() -> History:
    """Start, pause, resume, a refusal, a superseded pause, stop, start, kill, rearm, thresholds, mode, an expiry, flatten."""
    stop_at = NOON + timedelta(seconds=6.01)
    rows = [
        row(1, "start", "stopped running", revision=1),
        row(2, "pause", "running paused", revision=2),
        row(3, "resume", "paused running", revision=3),
        row(4, "resume", "running invalid_transition", revision=None),
        row(5, "pause", "running superseded", revision=None, status="superseded", finished_at=stop_at),
        row(6, "stop", "running stopped", revision=4),
        row(7, "start", "stopped running", revision=5),
        row(8, "kill", "running stopped", revision=6),
        row(9, "start", "stopped killed", revision=None),
        row(10, "rearm", "stopped stopped", revision=7),
        row(11, "update_config", "stopped stopped", revision=8, params={"maxConcurrentPositions": 7}),
        row(12, "set_mode", "stopped stopped", revision=9, params={"mode": "live"}, mode="live"),
        row(13, "reconcile", "stopped stopped", revision=10, mode="live"),
        row(
            *(14, "start", "stopped expired"),
            revision=None,
            status="expired",
            finished_at=NOON + timedelta(seconds=14 + 30.1),
        ),
        row(15, "flatten", "stopped stopped", revision=11, mode="live"),
        row(16, "flatten", "stopped stopped", revision=12, mode="live"),  # done by the one at work
    ]
    flatten = Flatten("id-15", "flat", NOON + timedelta(seconds=15), NOON + timedelta(seconds=20))
    queued = told(rows[4], status=202, body={"commandId": "id-5", "state": "running", "status": "queued"})
    refused = told(
        rows[0], mark="mark-x", status=422, body={"error": "No.", "code": "validation", "details": {}}
    )
    lost = told(rows[0], mark="mark-y", status=None, body=None, exception="ConnectionError")
    attempts = [
        *(told(each) for each in rows if each.seq != 5),
        replace(queued, answered_at=5.2),
        refused,
        lost,
        looked(0.1, 0, "stopped"),
        looked(3.9, 3, "running"),
        looked(12.9, 9, "stopped", "live"),
    ]
    config = Config(
        state="stopped", mode="live", enabled=False, killed=False, revision=12, max_concurrent_positions=7
    )
    attempts.sort(key=lambda each: each.answered_at)
    return History(rows, config, attempts, NOON + timedelta(minutes=2), flattens=[flatten])


def spoil(history: History, seq: int, **changes: Any) -> History:
    """The same, but for one row."""
    rows = [replace(each, **changes) if each.seq == seq else each for each in history.rows]
    return replace(history, rows=rows)


def mistell(history: History, mark: str, **changes: Any) -> History:
    """The same, but for what one client was told."""
    attempts = [replace(each, **changes) if each.mark == mark else each for each in history.attempts]
    return replace(history, attempts=attempts)


def spoil_flatten(history: History, **changes: Any) -> History:
    """The same, but for its flatten."""
    return replace(history, flattens=[replace(each, **changes) for each in history.flattens])


def misremember(history: History, **changes: Any) -> History:
    """The same, but for the row of the bot."""
    return replace(history, config=replace(history.config, **changes))


def also(history: History, *rows: Row, attempts: tuple[Attempt, ...] = ()) -> History:
    """The same, and more."""
    return replace(history, rows=[*history.rows, *rows], attempts=[*history.attempts, *attempts])
