"""Who is asking, and what they may do."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from apiflask import HTTPError, HTTPTokenAuth
from flask import Flask, current_app

from bot.settings import ApiToken, Role, Settings
from bot.states import Source
from web.errors import Answer, envelope

#: Roles that may read, and roles that may change something.
READERS = [Role.OPERATOR, Role.VIEWER, Role.BOT]
OPERATORS = [Role.OPERATOR]


@dataclass(frozen=True)
class Actor:
    """Somebody whose token was recognised."""

    name: str
    role: Role
    source: Source = Source.API


class TokenAuth:
    """Recognises bearer tokens. ``scheme`` is what the routes' decorators take."""

    def __init__(self, tokens: tuple[ApiToken, ...]) -> None:
        self._actors = [
            (entry.token.get_secret_value().encode(), Actor(entry.name, entry.role)) for entry in tokens
        ]

    def recognise(self, token: str) -> Actor | None:
        """The actor of *token*. All tokens are compared, each in constant time, so that timing tells nothing."""
        given, found = token.encode("utf-8", "surrogatepass"), None
        for secret, actor in self._actors:
            if hmac.compare_digest(secret, given):
                found = actor
        return found


_KEY = "pitboss_tokens"

scheme = HTTPTokenAuth(  # the scheme that the routes name
    description="A token of API_TOKENS, as in `Authorization: Bearer <token>`."
)


def install(app: Flask, settings: Settings) -> None:
    """Let *app* recognise the tokens of *settings*."""
    app.extensions[_KEY] = TokenAuth(settings.tokens)


@scheme.verify_token
def _verify(token: str) -> Actor | None:
    tokens: TokenAuth = current_app.extensions[_KEY]
    return tokens.recognise(token)


@scheme.get_user_roles
def _roles(actor: Actor) -> list[str]:
    return [actor.role]


@scheme.error_processor
def _refused(error: HTTPError) -> Answer:
    if error.status_code == 403:
        return envelope(403, "forbidden", f"Your token's role ({actor().role}) may not do this.")
    return envelope(401, "unauthorized", "A valid token is needed: Authorization: Bearer <token>.")


def actor() -> Actor:
    """The actor of the present request."""
    current: Any = scheme.current_user
    found: Actor = current
    return found
