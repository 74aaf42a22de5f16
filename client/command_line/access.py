"""Who may come in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from client.command_line.output import shown
from client.command_line.session import Session, connected
from client.models import Token


@click.command()
@click.option("--all", "everyone", is_flag=True, help="Those that are revoked or have expired, too.")
@connected
def tokens(session: Session, everyone: bool) -> None:
    """Who holds a token, and when it was last used. They are made and revoked on the server: script/tokens."""
    found = [each for each in session.bot.tokens() if everyone or _is_valid(each)]
    if session.out.as_json:
        for each in found:
            session.out.json(each)
        return
    session.out.rows(
        ["name", "role", "valid", "made", "last used", "from"], [_token_row(each) for each in found]
    )


def _is_valid(token: Token) -> bool:
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > datetime.now(UTC))


def _token_row(token: Token) -> list[Any]:
    role = token.role if token.commands is None else f"{token.role}[{','.join(token.commands)}]"
    made = "API_TOKENS" if token.source == "setting" else token.created_at
    return [token.name, role, _validity(token), made, token.last_used_at, token.last_used_from]


def _validity(token: Token) -> str:
    if token.revoked_at is not None:
        return f"revoked {shown(token.revoked_at)}"
    if token.expires_at is None:
        return "always"
    return f"{'until' if _is_valid(token) else 'expired'} {shown(token.expires_at)}"


COMMANDS = (tokens,)
