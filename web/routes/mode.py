"""What prevents a mode switch, for display before one is sent."""

from __future__ import annotations

import threading
from typing import Any

from apiflask import APIBlueprint

from bot.commands import mode_switch
from web.auth import scheme
from web.http.list_reader import ListsBusy
from web.http.openapi import READ_RESPONSES
from web.schemas.mode_switch import ModeSwitchOut
from web.schemas.requests import ModeSwitchQuery
from web.services import services

blueprint = APIBlueprint("mode", __name__, tag="Status")

#: Reading both accounts may take seconds: the most threads of one process that do it at once.
_turns = threading.BoundedSemaphore(2)


@blueprint.get("/mode")
@blueprint.auth_required(scheme.scheme, roles=scheme.OPERATORS)
@blueprint.input(ModeSwitchQuery, location="query")
@blueprint.output(ModeSwitchOut)
@blueprint.doc(
    summary="Everything that prevents a mode switch",
    description="Both accounts are read, which takes up to 9 s. The switch itself checks again.",
    responses=READ_RESPONSES,
)
def what_blocks_the_switch(query_data: ModeSwitchQuery) -> Any:
    database, settings, target = services().database, services().settings, query_data.target
    if not _turns.acquire(blocking=False):
        raise ListsBusy("Other requests are checking a mode switch at the broker. Try again in a moment.")
    try:
        preflight = mode_switch.gather(database, settings, target)
    finally:
        _turns.release()

    mode, found = database.read(
        lambda session: mode_switch.present_objections(session, settings, target, preflight)
    )
    blockers = [{"code": each.code, "error": str(each)} for each in found]
    return {"mode": mode, "target": target, "blockers": blockers}
