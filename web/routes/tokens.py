"""Who holds a token. Tokens are made and revoked on the server, by ``script/tokens``."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from bot.access import tokens
from bot.models import BotToken
from bot.settings.tokens import ApiToken
from web.auth import scheme
from web.http.openapi import READ_RESPONSES
from web.schemas.tokens import TokenList, TokenOut
from web.services import services

blueprint = APIBlueprint("tokens", __name__, tag="Tokens")


@blueprint.get("/tokens")
@blueprint.auth_required(scheme.scheme, roles=scheme.OPERATORS)
@blueprint.output(TokenList)
@blueprint.doc(
    summary="Who holds a token, with which role, until when, and when it was last used; no token is shown",
    responses=READ_RESPONSES,
)
def all_tokens() -> Any:
    fixed = map(_of_setting, services().settings.tokens)
    stored = map(_stored, services().lists.read(tokens.all_of))
    return TokenList(items=[*fixed, *stored])


def _of_setting(token: ApiToken) -> TokenOut:
    commands = None if token.commands is None else sorted(token.commands)
    return TokenOut(name=token.name, role=token.role, commands=commands, source="setting")


def _stored(row: BotToken) -> TokenOut:
    return TokenOut(
        name=row.name,
        role=row.role,
        commands=row.commands,
        source="stored",
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        last_used_from=row.last_used_from,
    )
