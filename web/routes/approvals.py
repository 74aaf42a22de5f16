"""The second person's answer to a command that waits for one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request

from web.auth import scheme
from web.commands.dispatch import Preference
from web.http.openapi import APPROVAL_RESPONSES, REJECTION_RESPONSES
from web.routes.commands import answer
from web.schemas.responses import ActionOut, CommandOut
from web.services import services

blueprint = APIBlueprint("approvals", __name__, tag="Approvals")


@blueprint.post("/commands/<uuid:command_id>/approval")
@blueprint.auth_required(scheme.scheme, roles=scheme.OPERATORS)
@blueprint.output(ActionOut)
@blueprint.doc(
    summary="Approve a command that another operator asked for",
    description="Where `APPROVALS` asks for a second person, a command has the status `awaiting_approval` until then.",
    responses=APPROVAL_RESPONSES,
)
def approve(command_id: UUID) -> Any:
    g.preference = Preference.parse(request.headers.get("Prefer"))
    return answer(services().dispatch.approve(command_id, scheme.actor().name, g.preference))


@blueprint.post("/commands/<uuid:command_id>/rejection")
@blueprint.auth_required(scheme.scheme, roles=scheme.OPERATORS)
@blueprint.output(CommandOut)
@blueprint.doc(
    summary="Reject a command that waits for approval, or withdraw your own",
    description="It is finished as `rejected`, with the code `not_approved`.",
    responses=REJECTION_RESPONSES,
)
def reject(command_id: UUID) -> Any:
    return services().controller.reject(command_id, scheme.actor().name)
