"""Who is asking, and what they may do. There are two ways in: a bearer token, and the panel's session with its CSRF
token on everything that changes something."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

from apiflask import HTTPError, HTTPTokenAuth
from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFError

from bot.access.sessions import NewSession
from bot.runtime.threads import Threads
from bot.settings.settings import Settings
from bot.settings.tokens import Role
from bot.states import CommandKind, Source
from web.auth import rights, sessions
from web.auth.directory import Directory, Holder
from web.auth.refusals import Refusals
from web.auth.single_sign_on import SingleSignOn
from web.auth.throttle import Attempts, TooManyFailures
from web.http.errors import Answer, NotAllowed, envelope

#: The rights that routes ask for, beside those to give commands (``rights.command``).
READERS = [rights.READ]
OPERATORS = [rights.OPERATE]
RECORDERS = [rights.RECORD]
#: What nobody's wrong tokens may keep an operator from: halting the bot, and the login that leads there.
URGENT = ("actions.kill", "actions.stop", "actions.pause", "panel.log_in")
#: Methods that change nothing.
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Actor:
    """Somebody who was recognised."""

    name: str
    role: Role
    #: The only commands that they may give; None where the role says it.
    commands: frozenset[CommandKind] | None
    #: The token that was shown, now or at the login; None where a proxy said who it is.
    token_name: str | None
    #: What an event stream of theirs lasts as long as: the session, or the token by its hash.
    session: sessions.Cookie | None = None
    proof: str = ""

    @property
    def source(self) -> Source:
        """The way that they came."""
        return Source.API if self.session is None else Source.PANEL

    @property
    def rights(self) -> list[str]:
        """What they may do."""
        return rights.of(self.role, self.commands)


class Gatekeeper:
    """Recognises who asks."""

    def __init__(self, directory: Directory, settings: Settings) -> None:
        self.directory = directory
        self.sign_on = SingleSignOn(settings, directory)
        self.refusals = Refusals(directory)
        self._attempts = Attempts()

    def start(self, threads: Threads) -> None:
        """Keep the copy from now on."""
        self.refusals.start()
        self.directory.start(threads)

    def check(self, token: str, address: str, endpoint: str | None = None) -> Holder | None:
        """Whose *token* it is, shown from *address* at *endpoint*; None when nobody's.

        Raises:
            TooManyFailures: too many wrong ones came from there.
        """
        holder = self.directory.holder(self.directory.hash_of(token))
        urgent = endpoint in URGENT and holder is not None and holder.role is Role.OPERATOR
        is_last = self._attempts.judge(address, None if holder is None else holder.name, urgent=urgent)
        if holder is None:
            self.refusals.wrong_token(address, request.path, is_last=is_last)
        else:
            self.directory.note_use(holder, address)
        return holder

    def session(self) -> Actor | None:
        """Who the request's session belongs to; None when there is none that counts."""
        cookie = sessions.current()
        if cookie is None:
            return None
        holder = self.directory.holder(cookie.proof)
        if (
            holder is None
            or holder.name != cookie.name
            or not self.directory.admits(cookie.id, cookie.began_at)
            or not self.sign_on.confirms(holder)
        ):
            return None
        self.directory.note_seen(cookie.id)
        return Actor(holder.name, holder.role, holder.commands, holder.token_name, cookie, holder.proof)

    def log_in(self, holder: Holder) -> None:
        """Begin a session for *holder*."""
        new = sessions.begin(holder.name, holder.role, holder.proof, holder.token_name, address())
        self.directory.begin(new)

    def log_out(self) -> None:
        """End the request's session, everywhere."""
        actor = self.session()
        sessions.end()
        if actor is not None and actor.session is not None:
            gone = NewSession(
                actor.session.id, actor.name, actor.role, actor.token_name, address(), user_agent=None
            )
            self.directory.end(gone, f"logout by {actor.name}")

    def still_admits(self, actor: Actor) -> bool:
        """Whether *actor* would be let in now; a stream that is open counts as a use of its session."""
        if self.directory.holder(actor.proof) is None:
            return False
        if actor.session is None:
            return True
        if not self.directory.admits(actor.session.id, actor.session.began_at):
            return False
        self.directory.note_seen(actor.session.id)
        return True


_KEY = "pitboss_gatekeeper"


class _TokenOrSession(HTTPTokenAuth):
    def authenticate(self, auth: Any, stored_password: str | None) -> Actor | None:
        token = getattr(auth, "token", None)
        return _by_token(token) if token else _by_session()


scheme = _TokenOrSession(  # the scheme that the routes name
    description="A token of API_TOKENS or of `script/tokens`, as in `Authorization: Bearer <token>`. The panel's pages use a"
    " session cookie instead, with its CSRF token in `X-CSRF-Token` on everything that changes something."
)


def install(app: Flask, settings: Settings, directory: Directory) -> Gatekeeper:
    """Let *app* recognise the tokens and sessions of *directory*."""
    app.extensions[_KEY] = keeper = Gatekeeper(directory, settings)
    sessions.install(app, settings)

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Answer:
        gatekeeper().refusals.forged(address(), request.path)
        return envelope(403, "csrf", "The request did not come from a page of this session: reload the page.")

    @app.errorhandler(TooManyFailures)
    def too_many(error: TooManyFailures) -> Answer:
        gatekeeper().refusals.locked_out()
        return envelope(429, "rate_limited", str(error), Retry_After=str(math.ceil(error.wait_sec)))

    return keeper


def of(app: Flask) -> Gatekeeper:
    """That of *app*."""
    found: Gatekeeper = app.extensions[_KEY]
    return found


def gatekeeper() -> Gatekeeper:
    """That of the present app."""
    return of(current_app)


def address() -> str:
    """Where the present request came from."""
    return request.remote_addr or "unknown"


def session_actor() -> Actor | None:
    """Who the request's session belongs to; None when there is none."""
    return gatekeeper().session()


def _by_token(token: str) -> Actor | None:
    holder = gatekeeper().check(token, address(), request.endpoint)
    if holder is None:
        return None
    return Actor(holder.name, holder.role, holder.commands, holder.name, proof=holder.proof)


def _by_session() -> Actor | None:
    found = session_actor()
    if found is not None:
        sessions.csrf.protect()
        if _is_ended_elsewhere(found):
            found = None
    if found is None and (cookie := sessions.current()) is not None:
        gatekeeper().refusals.ended_session(cookie.name, address(), request.path)
    return found


def _is_ended_elsewhere(actor: Actor) -> bool:
    """Whether a request that changes something comes from a session that another process has ended. What is urgent does not wait
    for that answer."""
    if actor.session is None or request.method in _SAFE or request.endpoint in URGENT:
        return False
    return gatekeeper().directory.was_ended(actor.session.id)


@scheme.get_user_roles
def _rights(actor: Actor) -> list[str]:
    g.refused = actor  # the scheme keeps the actor only of those it lets in
    return actor.rights


@scheme.error_processor
def _refused(error: HTTPError) -> Answer:
    if error.status_code == 403:
        _note_refusal(g.refused)
        return _forbidden(g.refused)
    return envelope(401, "unauthorized", "A valid token is needed: Authorization: Bearer <token>.")


def refuse(actor: Actor, sentence: str) -> NoReturn:
    """Refuse what *actor* asks for, which is theirs in part.

    Raises:
        NotAllowed: always.
    """
    _note_refusal(actor)
    raise NotAllowed(sentence)


def _note_refusal(actor: Actor) -> None:
    what = f"{request.method} {request.path}"
    gatekeeper().refusals.forbidden(actor.name, what, address(), request.path)


def _forbidden(actor: Actor) -> Answer:
    if actor.commands is not None:
        allowed = ", ".join(sorted(actor.commands))
        return envelope(
            403, "forbidden", f"Your token may give these commands only: {allowed}. It may read everything."
        )
    return envelope(403, "forbidden", f"Your token's role ({actor.role}) may not do this.")


def actor() -> Actor:
    """The actor of the present request."""
    current: Any = scheme.current_user
    found: Actor = current
    return found
