"""The command log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from bot.queries import lists
from web.auth import scheme
from web.http import listing, paging
from web.http.errors import NotFound
from web.http.openapi import NOT_FOUND_RESPONSE, READ_RESPONSES
from web.schemas.requests import CommandsQuery
from web.schemas.responses import CommandOut, CommandPage
from web.services import services

blueprint = APIBlueprint("log", __name__, tag="Commands")


@blueprint.get("/commands")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(CommandsQuery, location="query")
@blueprint.output(CommandPage)
@blueprint.doc(summary="The command log, newest first", responses=READ_RESPONSES)
def commands(query_data: CommandsQuery) -> Any:
    query = lists.commands(
        before_seq=paging.decode_number(query_data.cursor),
        kinds=query_data.kind,
        statuses=query_data.status,
        sources=query_data.source,
        actor=query_data.actor,
        since=query_data.since,
        until=query_data.until,
        text=query_data.text.strip() or None,
    )
    return listing.answer(
        services().lists,
        query,
        query_data,
        name="commands",
        shape=CommandOut,
        position=lambda command: (command.seq,),
    )


@blueprint.get("/commands/<uuid:command_id>")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(CommandOut)
@blueprint.doc(summary="One command", responses={**READ_RESPONSES, **NOT_FOUND_RESPONSE})
def command(command_id: UUID) -> Any:
    found = services().controller.find(command_id)
    if found is None:
        raise NotFound(f"There is no command {command_id}; nothing was accepted under this id.")
    return found
