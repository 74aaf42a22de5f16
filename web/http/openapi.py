"""What every description of an operation shares."""

from __future__ import annotations

from typing import Any

from bot.commands.log import MAX_KEY
from web.schemas.responses import ErrorOut


def _error(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def text_response(media_type: str, description: str) -> dict[int | str, Any]:
    """A 200 that is no JSON."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {200: {"description": description, "content": content}}


AWAY_RESPONSE: dict[int | str, Any] = {
    503: _error(
        "Postgres is away or too busy (a list: `lists_busy`, `too_slow`); try again after `Retry-After` seconds"
    )
}
READ_RESPONSES: dict[int | str, Any] = {
    401: _error("No valid token"),
    403: _error("The token's role may not do this"),
    429: _error("Too many wrong tokens came from this address; try again after `Retry-After` seconds"),
    422: _error("Fields that are not valid, each named in `details.fields`"),
    **AWAY_RESPONSE,
}
COMMAND_RESPONSES: dict[int | str, Any] = {
    202: {
        "description": "Accepted and durable, not finished yet: ask at `Location`",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ActionOut"}}},
    },
    400: _error("Not allowed in the present state, or a body that is not JSON"),
    409: _error("In conflict with the present state; `code` says how"),
    413: _error("The body is over 64 KiB"),
    **READ_RESPONSES,
    429: _error(
        "`too_many_pending`: 1,000 commands wait (kill, stop and pause are taken all the same); or too many wrong tokens"
        " came from this address. Try again after `Retry-After` seconds"
    ),
}
TRADE_RESPONSES: dict[int | str, Any] = {
    400: _error("A body that is not JSON"),
    409: _error(
        "`gate_closed`, with every reason in `details.reasons`, or `trade_conflict`: recorded otherwise"
    ),
    413: _error("The body is over 64 KiB"),
    **READ_RESPONSES,
}
#: A header that the views read by themselves.
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    "description": "The same key with the same body does the thing once; with another body it is a 422.",
}
#: What gunicorn answers, whatever was asked for.
_ANY_REQUEST: dict[int, Any] = {
    408: _error("The request did not come in time"),
    414: _error("The address is too long"),
    431: _error("The headers are too many or too large"),
}
NOT_FOUND_RESPONSE: dict[int | str, Any] = {404: _error("There is no such thing")}


def complete(spec: dict[str, Any]) -> dict[str, Any]:
    """Add to the generated document what every operation shares."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = ErrorOut.model_json_schema(by_alias=True)
    for operations in spec.get("paths", {}).values():
        for method, operation in operations.items():
            operation["responses"] |= {str(status): answer for status, answer in _ANY_REQUEST.items()}
            if method in ("post", "patch") and "Trades" in operation.get("tags", ()):
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
            for body in _bodies(operation):
                needed = schemas[body["$ref"].rpartition("/")[2]]
                operation["requestBody"]["required"] = bool({"required", "minProperties"} & needed.keys())
    return spec


def _bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The shapes of what the operation is sent."""
    content = operation.get("requestBody", {}).get("content", {})
    return [kind["schema"] for kind in content.values()]
