"""Headers on every answer: security, and CORS for the origins that the settings name."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_cors import CORS

from bot.settings.settings import Settings

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self';"
    " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

#: Nothing else sets these.
_ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
#: The headers of answers that do not come from the application: the same as its own.
ON_EVERYTHING = [
    *_ALWAYS,
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("Cache-Control", "no-store"),
]


def register(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer of *app*."""
    if settings.allowed_origins:
        CORS(
            app,
            origins=settings.allowed_origins,
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Prefer"],
            expose_headers=["Location", "Preference-Applied", "Retry-After"],
            methods=["GET", "POST", "PATCH", "DELETE"],
            max_age=600,
        )

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        headers.extend(_ALWAYS)
        if request.path.startswith("/api/"):
            headers.setdefault("Cache-Control", "no-store")
        return response
