"""The event stream."""

from __future__ import annotations

import time

from apiflask import APIBlueprint
from flask import Response, request

from bot.settings.tokens import Role
from web.auth import scheme
from web.http.errors import Answer, envelope
from web.http.openapi import READ_RESPONSES, text_response
from web.services import services

blueprint = APIBlueprint("events", __name__, tag="Status")

_DESCRIPTION = (
    "A `status` event at once, then one with every change; its data is what `GET /status` answers, its id the moment"
    " it was read at. `pulse` says that nothing has changed, `unavailable` that the status cannot be read. After a"
    " break the stream begins with the present status again, so nothing is to be replayed."
)


@blueprint.get("/events")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.doc(
    summary="Server-sent events: the status, live",
    description=_DESCRIPTION,
    responses={**READ_RESPONSES, **text_response("text/event-stream", "A stream without an end")},
)
def events() -> Response | Answer:
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    actor = scheme.actor()
    ends_at = None if actor.session is None else time.time() + actor.session.expires_in_sec
    stream = services().events.open(ends_at, actor.name, is_operator=actor.role is Role.OPERATOR, owner=actor)
    if stream is None:
        return envelope(503, "too_many_streams", "Too many event streams are open.", Retry_After="5")
    return stream
