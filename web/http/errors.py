"""One envelope for every error: ``{"error": sentence, "code": slug, "details": {}}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import jsonify
from werkzeug.exceptions import HTTPException

from bot.errors import (
    DatabaseUnavailable,
    GateClosed,
    IdempotencyConflict,
    InvalidParams,
    InvalidTransition,
    NotToApprove,
    OwnCommand,
    PitbossError,
    TooManyPending,
    TradeConflict,
    name_fields,
)
from bot.models import BotCommand
from bot.validation import reason_of
from web.http.list_reader import ListsBusy

Answer = tuple[Any, int, dict[str, str]]

log = logging.getLogger(__name__)

#: The default code and sentence of each status.
CODES = {
    400: ("bad_request", "The request could not be understood."),
    401: ("unauthorized", "A valid token is needed: Authorization: Bearer <token>."),
    403: ("forbidden", "Your token's role may not do this."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    408: ("request_timeout", "The request did not arrive in time."),
    413: ("body_too_large", "The body is larger than 64 KiB."),
    414: ("uri_too_long", "The address is too long."),
    422: ("validation", "Some fields are not valid; see details."),
    429: ("rate_limited", "Too many requests; wait a moment."),
    431: ("headers_too_large", "The headers are too many or too large."),
    500: ("internal", "Something went wrong on our side; it was logged, and nothing was half done."),
}


def sentence(status: int) -> tuple[str, str]:
    """The default code and sentence of a *status*."""
    return CODES.get(status) or CODES[400 if status < 500 else 500]


class CommandNotApplied(Exception):
    """A command was finished but not applied; its row says why."""

    def __init__(self, command: BotCommand) -> None:
        super().__init__(command.error)
        self.command = command


class NotFound(PitbossError):
    """There is no such thing."""

    code = "not_found"


class NotAllowed(PitbossError):
    """The caller may not do that."""

    code = "forbidden"


#: The status of an error, by its code. A command's error that is not listed is a conflict with the present state; any other is
#: a fault of Pitboss.
_STATUS: Mapping[str, int] = {
    InvalidTransition.code: 400,
    InvalidParams.code: 422,
    IdempotencyConflict.code: 422,
    NotFound.code: 404,
    NotAllowed.code: 403,
    OwnCommand.code: 403,
    NotToApprove.code: 409,
    GateClosed.code: 409,
    TradeConflict.code: 409,
    TooManyPending.code: 429,
    ListsBusy.code: 503,
}


def envelope(
    status: int, code: str, sentence: str, details: Mapping[str, Any] | None = None, **headers: str
) -> Answer:
    body = {"error": sentence, "code": code, "details": dict(details or {})}
    return jsonify(body), status, {name.replace("_", "-"): value for name, value in headers.items()}


def register(app: APIFlask) -> None:
    """Have *app* answer every error in the envelope."""

    @app.error_processor
    def http_error(error: HTTPError) -> Answer:
        code, sentence = CODES.get(error.status_code, ("error", error.message or "The request failed."))
        details: dict[str, Any] = {}
        if error.status_code == 422 and isinstance(error.detail, dict):
            details = {"fields": _by_field(error.detail)}
            sentence = name_fields(details["fields"]) or sentence
        body, status, headers = envelope(error.status_code, code, sentence, details)
        return body, status, headers

    @app.errorhandler(HTTPException)
    def werkzeug_error(error: HTTPException) -> Answer:
        status = error.code or 500
        code, sentence = CODES.get(status, ("error", error.description or error.name))
        if status == 400 and error.description:
            sentence = error.description
        headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
        body, status, more = envelope(status, code, sentence)
        return body, status, {**headers, **more}

    @app.errorhandler(CommandNotApplied)
    def not_applied(error: CommandNotApplied) -> Answer:
        command = error.command
        code = command.error_code or "refused"
        details = {
            **(command.error_details or {}),
            "commandId": str(command.id),
            "status": command.status,
            "state": command.from_state,
        }
        sentence = command.error or "The command was not applied."
        return envelope(_STATUS.get(code, 409), code, sentence, details)

    @app.errorhandler(PitbossError)
    def domain_error(error: PitbossError) -> Answer:
        if isinstance(error, DatabaseUnavailable):
            headers = {"Retry_After": "2"}
            if "commandId" in error.details:
                headers["Location"] = f"/api/bot/commands/{error.details['commandId']}"
            return envelope(503, error.code, str(error), error.details, **headers)
        status = _STATUS.get(error.code, 500)
        if status == 500:
            log.error("unexpected %s: %s", type(error).__name__, error)
        # errors that pass by themselves
        headers = {"Retry_After": "1"} if status in (429, 503) else {}
        return envelope(status, error.code, str(error), error.details, **headers)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Answer:
        log.exception("unexpected error")
        return envelope(500, *CODES[500])


def _by_field(detail: Mapping[str, Any]) -> dict[str, list[str]]:
    # APIFlask nests the fields in the place they came from: {"json": {"reason": ["…"]}}
    fields: dict[str, list[str]] = {}
    for place in detail.values():
        if isinstance(place, dict):
            for name, reasons in place.items():
                shown = "body" if name == "_schema" else name
                fields[shown] = [reason_of(reason) for reason in reasons]
    return fields
