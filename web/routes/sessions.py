"""The panel's sessions of the present user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from bot.access import sessions
from web.auth import scheme
from web.http.errors import NotFound
from web.http.openapi import NOT_FOUND_RESPONSE, READ_RESPONSES
from web.schemas.responses import SessionList, SessionOut
from web.services import services

blueprint = APIBlueprint("sessions", __name__, tag="Sessions")


@blueprint.get("/sessions")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(SessionList)
@blueprint.doc(
    summary="The panel's sessions under your name, the one that was used last first",
    responses=READ_RESPONSES,
)
def own_sessions() -> Any:
    return SessionList(items=read_own(scheme.actor()))


@blueprint.delete("/sessions/<uuid:session_id>")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output({}, status_code=204)
@blueprint.doc(
    summary="End one of them, and its event streams, at once",
    responses={**READ_RESPONSES, **NOT_FOUND_RESPONSE},
)
def end_session(session_id: UUID) -> Any:
    end_own(scheme.actor(), session_id)
    return "", 204


def read_own(actor: scheme.Actor) -> list[SessionOut]:
    """The sessions of *actor*."""
    idle = services().settings.session_idle
    rows = services().database.read(lambda session: sessions.of_actor(session, actor.name, idle))
    return [_shown(SessionOut.model_validate(row), actor) for row in rows]


def end_own(actor: scheme.Actor, session_id: UUID) -> None:
    """End one of *actor*'s sessions.

    Raises:
        NotFound: no session with this id is active.
    """
    by = f"{actor.name} from {scheme.address()}"
    if not services().database.run(lambda session: sessions.end_one(session, session_id, actor.name, by)):
        raise NotFound(f"You have no session {session_id} that has not ended.")


def _shown(row: SessionOut, actor: scheme.Actor) -> SessionOut:
    row.current = actor.session is not None and actor.session.id == row.id
    return row
