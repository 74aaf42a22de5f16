"""The panel's sessions: a signed cookie that stands for one token of API_TOKENS.

Nothing is kept on the server. The cookie names the token's holder and carries a proof, made with the secret key, that
the token was shown: when the token is taken out of API_TOKENS, changed, or given another name, the session has ended.
"""

from __future__ import annotations

import hashlib
import hmac
import time

from flask import Flask, Request, current_app, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

from bot.settings.settings import Settings
from bot.settings.types import ApiToken

#: A session ends after this many seconds, however much it is used: one trading day with the hours around it.
LIFETIME_SEC = 24 * 3600

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
        PERMANENT_SESSION_LIFETIME=LIFETIME_SEC,
        SESSION_REFRESH_EACH_REQUEST=False,
        # a bearer token is no cookie that a browser would send by itself: only sessions are checked, by web.auth.scheme
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # it would look at the Referer, which our pages do not send
    )
    csrf.init_app(app)


def begin(entry: ApiToken) -> None:
    """Begin a session for the holder of *entry*; what was in the browser's session before is forgotten."""
    session.clear()
    session.permanent = True
    session["name"] = entry.name
    session["proof"] = _proof(entry)
    session["until"] = int(time.time()) + LIFETIME_SEC


def end() -> None:
    session.clear()


def holder(tokens: tuple[ApiToken, ...]) -> ApiToken | None:
    """The entry of *tokens* that the request's session stands for; None when there is no session."""
    name, proof = session.get("name"), session.get("proof")
    if not isinstance(name, str) or not isinstance(proof, str) or expires_in_sec() <= 0:
        return None
    found = None
    for entry in tokens:
        if entry.name == name and hmac.compare_digest(_proof(entry), proof):
            found = entry
    return found


def expires_in_sec() -> float:
    """Seconds until the request's session ends."""
    until = session.get("until")
    return until - time.time() if isinstance(until, int) else 0.0


def _proof(entry: ApiToken) -> str:
    key = current_app.secret_key
    if not key:
        raise RuntimeError("the app has no secret key")
    key = key.encode() if isinstance(key, str) else key
    message = b"pitboss session\0" + entry.token.get_secret_value().encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()
