"""The panel's sessions, as the browser holds them: a signed cookie that names a row of ``bot_session``.

The cookie also carries the hash of the token that was shown: with the token, all its sessions end. Whether the session itself
still counts, ``web.auth.directory`` knows without asking Postgres.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID, uuid4

from flask import Flask, Request, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

from bot.access.sessions import LIFETIME, MAX_USER_AGENT, NewSession
from bot.settings.settings import Settings
from bot.settings.tokens import Role
from bot.validation import is_storable

LIFETIME_SEC = LIFETIME.total_seconds()

csrf = CSRFProtect()


class _Cookie(SecureCookieSessionInterface):
    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return (
                self.session_class()
            )  # most requests bring a token: nothing has to be made ready to read a cookie
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def install(app: Flask, settings: Settings) -> None:
    """Let *app* have sessions; its ``secret_key`` is still to be set."""
    app.session_interface = _Cookie()
    app.config.update(
        # cookies do not know ports: two Pitbosses on one machine must not log each other out
        SESSION_COOKIE_NAME=f"pitboss_{settings.port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=int(LIFETIME_SEC),
        SESSION_REFRESH_EACH_REQUEST=False,
        # a bearer token is no cookie that a browser would send by itself: only sessions are checked, by web.auth.scheme
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # it would look at the Referer, which our pages do not send
    )
    csrf.init_app(app)


@dataclass(frozen=True)
class Cookie:
    """What the request's cookie says. It was signed here; it may have ended since."""

    id: UUID
    name: str
    proof: str
    began_at: float

    @property
    def expires_in_sec(self) -> float:
        """Seconds until it ends by itself."""
        return self.began_at + LIFETIME_SEC - time.time()


def begin(name: str, role: Role, proof: str, token_name: str | None, address: str) -> NewSession:
    """Begin a session; what was in the browser's session before is forgotten."""
    new = NewSession(uuid4(), name, role, token_name, address, _user_agent())
    session.clear()
    session.permanent = True
    session.update(id=str(new.id), name=name, proof=proof, began=time.time())
    return new


def end() -> None:
    """Take the cookie away."""
    session.clear()


def current() -> Cookie | None:
    """The request's session; None when there is none, or it has run out."""
    try:
        found = Cookie(
            UUID(session["id"]), str(session["name"]), str(session["proof"]), float(session["began"])
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return found if found.expires_in_sec > 0 else None


def _user_agent() -> str | None:
    given = request.headers.get("User-Agent", "")[:MAX_USER_AGENT]
    return given if given and is_storable(given) else None
