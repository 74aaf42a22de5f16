"""What every description of an operation shares."""

from __future__ import annotations

from typing import Any

from web.schemas import ErrorOut


def _error(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


READ_RESPONSES: dict[int | str, Any] = {
    401: _error("No valid token"),
    403: _error("The token's role may not do this"),
    422: _error("Fields that are not valid, each named in `details.fields`"),
    503: _error("Postgres is away; try again after `Retry-After` seconds"),
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
}
NOT_FOUND_RESPONSE: dict[int | str, Any] = {404: _error("There is no such thing")}


def complete(spec: dict[str, Any]) -> dict[str, Any]:
    """Add to the generated document what every operation shares."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = ErrorOut.model_json_schema(by_alias=True)
    return spec
