"""Who is asking, and what they may do. There are two ways in: a bearer token, and the panel's session with its CSRF
token on everything that changes something."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from typing import Any

from apiflask import HTTPError, HTTPTokenAuth
from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFError

from bot.settings.settings import Settings
from bot.settings.types import ApiToken, Role
from bot.states import Source
from web.auth import sessions
from web.auth.throttle import Attempts, TooManyFailures
from web.http.errors import Answer, envelope

#: Roles that may read, roles that may change something, and roles that may record trades.
READERS = [Role.OPERATOR, Role.VIEWER, Role.BOT]
OPERATORS = [Role.OPERATOR]
RECORDERS = [Role.OPERATOR, Role.BOT]
#: What nobody's wrong tokens may keep an operator from.
URGENT = ("actions.kill", "actions.stop")


@dataclass(frozen=True)
class Actor:
    """Somebody who was recognised."""

    name: str
    role: Role
    source: Source = Source.API


class Tokens:
    """The tokens of API_TOKENS."""

    def __init__(self, entries: tuple[ApiToken, ...]) -> None:
        self.entries = entries
        self._secrets = [(entry.token.get_secret_value().encode(), entry) for entry in entries]
        self._attempts = Attempts()

    def check(self, token: str, address: str, endpoint: str | None = None) -> ApiToken | None:
        """The entry of *token*, shown from *address* at *endpoint*.

        Raises:
            TooManyFailures: too many wrong ones came from there.
        """
        entry = self._find(token)
        urgent = endpoint in URGENT and entry is not None and entry.role is Role.OPERATOR
        self._attempts.judge(address, None if entry is None else entry.name, urgent=urgent)
        return entry

    def _find(self, token: str) -> ApiToken | None:
        # all are compared, each in constant time, so that timing tells nothing
        given, found = token.encode("utf-8", "surrogatepass"), None
        for secret, entry in self._secrets:
            if hmac.compare_digest(secret, given):
                found = entry
        return found


_KEY = "pitboss_tokens"


class _TokenOrSession(HTTPTokenAuth):
    def authenticate(self, auth: Any, stored_password: str | None) -> Actor | None:
        token = getattr(auth, "token", None)
        return _by_token(token) if token else _by_session()


scheme = _TokenOrSession(  # the scheme that the routes name
    description="A token of API_TOKENS, as in `Authorization: Bearer <token>`. The panel's pages use a session cookie"
    " instead, with its CSRF token in `X-CSRF-Token` on everything that changes something."
)


def install(app: Flask, settings: Settings) -> None:
    """Let *app* recognise the tokens of *settings*, and the sessions that began with one."""
    app.extensions[_KEY] = Tokens(settings.tokens)
    sessions.install(app, settings)

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Answer:
        return envelope(403, "csrf", "The request did not come from a page of this session: reload the page.")

    @app.errorhandler(TooManyFailures)
    def too_many(error: TooManyFailures) -> Answer:
        return envelope(429, "rate_limited", str(error), Retry_After=str(math.ceil(error.wait_sec)))


def tokens() -> Tokens:
    found: Tokens = current_app.extensions[_KEY]
    return found


def address() -> str:
    """Where the present request came from."""
    return request.remote_addr or "unknown"


def session_actor() -> Actor | None:
    """Who the request's session belongs to; None when there is none."""
    entry = sessions.holder(tokens().entries)
    return None if entry is None else Actor(entry.name, entry.role, Source.PANEL)


def _by_token(token: str) -> Actor | None:
    entry = tokens().check(token, address(), request.endpoint)
    return None if entry is None else Actor(entry.name, entry.role)


def _by_session() -> Actor | None:
    found = session_actor()
    if found is not None:
        sessions.csrf.protect()
    return found


@scheme.get_user_roles
def _roles(actor: Actor) -> list[str]:
    g.role = actor.role  # the scheme keeps the actor only of those it lets in
    return [actor.role]


@scheme.error_processor
def _refused(error: HTTPError) -> Answer:
    if error.status_code == 403:
        return envelope(403, "forbidden", f"Your token's role ({g.role}) may not do this.")
    return envelope(401, "unauthorized", "A valid token is needed: Authorization: Bearer <token>.")


def actor() -> Actor:
    """The actor of the present request."""
    current: Any = scheme.current_user
    found: Actor = current
    return found
