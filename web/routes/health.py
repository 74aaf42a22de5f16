"""Is it alive, and can it serve? Trouble with Redis, the worker or a full disk is named, but does not take ``web`` out of
service: kill works, and has to stay reachable."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import make_response

from bot.errors import DatabaseFull, DatabaseReadOnly, PitbossError, StatementTimedOut
from bot.status import heartbeat
from bot.status.snapshot import snapshot
from web.http.errors import envelope
from web.http.openapi import AWAY_RESPONSE
from web.monitoring.migration_check import is_migrated
from web.schemas.status import HealthOut, ReadyOut
from web.services import services

#: What there is to say of a Postgres whose disk is full.
FULL = "full: nothing but a kill is accepted until its disk has room"

blueprint = APIBlueprint("health", __name__, tag="Health")


@blueprint.get("/healthz")
@blueprint.output(HealthOut)
@blueprint.doc(summary="Alive", security=[])
def healthz() -> Any:
    return {"status": "ok"}


@blueprint.get("/readyz")
@blueprint.output(ReadyOut)
@blueprint.doc(summary="Ready: Postgres answers and is migrated", security=[], responses=AWAY_RESPONSE)
def readyz() -> Any:
    parts = {"postgres": "ok", "redis": _redis(), "worker": "unknown"}
    try:
        if services().database.read(is_migrated):
            now = services().database.batched(snapshot)
            parts["worker"] = "ok" if now.worker_online else "offline"
            if deaf := services().database.read(heartbeat.troubles):
                parts["worker"] = (
                    f"takes no messages ({'; '.join(deaf)}): the sweep delivers all but manual commands"
                )
        else:
            parts["postgres"] = "not migrated: run flask --app web db upgrade"
        if isinstance(trouble := services().background.writes.trouble, DatabaseFull):
            parts["postgres"] = FULL
            return {"status": "ready", **parts}
        if isinstance(trouble, DatabaseReadOnly | StatementTimedOut) and parts["postgres"] == "ok":
            parts["postgres"] = str(trouble)
    except PitbossError as error:
        parts["postgres"] = str(error)
    if parts["postgres"] != "ok":
        # a response, since the schema above is that of a good answer
        return make_response(
            envelope(503, "not_ready", f"Postgres: {parts['postgres']}", parts, Retry_After="2")
        )
    return {"status": "ready", **parts}


def _redis() -> str:
    trouble = services().dispatch.publisher.trouble()
    return "ok" if trouble is None else f"{trouble}: the worker's sweep delivers meanwhile"
