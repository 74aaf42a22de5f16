"""What all descriptions of operations have in common, and the final changes to the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.commands.log import MAX_KEY
from web.http.error_codes import ERROR_CODES
from web.schemas.examples import EXAMPLES
from web.schemas.responses import ErrorOut

_SCHEMAS = "#/components/schemas/"

#: The subjects of the operations, in the order of ``/docs``.
TAGS: Mapping[str, str] = {
    "Status": "What the bot is, and what it may do now.",
    "Commands": "What an operator wants of it. Each is a row of a log that keeps everything.",
    "Approvals": "The second person's answer to a command that waits for one.",
    "Account": "What the broker holds, and what the account is worth.",
    "Trades": "The books: what the bot's programs record.",
    "Records": "What was done, the newest first.",
    "Alerts": "What somebody outside has to be told, and whether it arrives.",
    "Health": "For those who run Pitboss.",
}


def _error(description: str, *codes: str) -> dict[str, Any]:
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    content = {"schema": {"$ref": f"{_SCHEMAS}Error"}, **({"examples": examples} if examples else {})}
    return {"description": description, "content": {"application/json": content}}


def text_response(media_type: str, description: str) -> dict[int | str, Any]:
    """A 200 that is not JSON."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {200: {"description": description, "content": content}}


AWAY_RESPONSE: dict[int | str, Any] = {
    503: _error(
        "Postgres cannot be reached, or is full or too busy (a list: `lists_busy`, `too_slow`); try again after `Retry-After` seconds."
        " `outcome_unknown`: ask at `Location` for the command's outcome",
        *("database_unavailable", "database_full", "outcome_unknown", "lists_busy", "too_slow"),
    )
}
READ_RESPONSES: dict[int | str, Any] = {
    401: _error("No valid token", "unauthorized"),
    403: _error("The token's role may not do this", "forbidden"),
    429: _error(
        "Too many wrong tokens came from this address; try again after `Retry-After` seconds", "rate_limited"
    ),
    422: _error("Fields that are not valid, each named in `details.fields`", "validation"),
    **AWAY_RESPONSE,
}
COMMAND_RESPONSES: dict[int | str, Any] = {
    202: {
        "description": "Accepted and durable, not finished yet: ask at `Location`",
        "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}ActionOut"}}},
    },
    400: _error(
        "Not allowed in the present state, or a body that is not JSON", "invalid_transition", "bad_request"
    ),
    409: _error(
        "In conflict with the present state; `code` says how",
        *("killed", "not_stopped", "positions_open", "orders_working", "credentials_missing"),
        *("account_unavailable", "market_hours_override", "nothing_to_settle", "superseded", "expired"),
    ),
    413: _error("The body is over 64 KiB", "body_too_large"),
    **READ_RESPONSES,
    422: _error(
        "Fields that are not valid, each named in `details.fields`; or a key that was used for another command",
        *("validation", "idempotency_conflict"),
    ),
    429: _error(
        "`too_many_pending`: 1,000 commands wait (kill, stop and pause are still accepted); or too many wrong tokens"
        " came from this address. Try again after `Retry-After` seconds",
        *("too_many_pending", "rate_limited"),
    ),
}
TRADE_RESPONSES: dict[int | str, Any] = {
    400: _error("A body that is not JSON", "bad_request"),
    409: _error(
        "`gate_closed`, with every reason in `details.reasons`, or `trade_conflict`: recorded with other data",
        *("gate_closed", "trade_conflict"),
    ),
    413: _error("The body is over 64 KiB", "body_too_large"),
    **READ_RESPONSES,
    422: COMMAND_RESPONSES[422],
}
NOT_FOUND_RESPONSE: dict[int | str, Any] = {404: _error("Not found", "not_found")}
#: A command that is approved takes its turn, and is answered like one that was sent.
APPROVAL_RESPONSES: dict[int | str, Any] = {
    **COMMAND_RESPONSES,
    **NOT_FOUND_RESPONSE,
    403: _error("The token's role may not do this, or you asked for it yourself", "forbidden", "own_command"),
    409: _error(
        "It does not wait for approval; or it was approved, and is in conflict with the present state",
        *("nothing_to_approve", "killed", "not_stopped", "positions_open", "superseded", "expired"),
    ),
}
REJECTION_RESPONSES: dict[int | str, Any] = {
    **READ_RESPONSES,
    **NOT_FOUND_RESPONSE,
    409: _error("It does not wait for approval", "nothing_to_approve"),
}
#: Answers of gunicorn itself, to any request.
_ANY_REQUEST: dict[int, Any] = {
    408: _error("The request did not come in time"),
    414: _error("The address is too long"),
    431: _error("The headers are too many or too large"),
}

#: Headers that the views read themselves.
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    "example": "7c0d4f0e-8f0e-4c0b-9d7e-2f0b6a6f5b11",
    "description": "The same key with the same body acts only once; with another body it is a 422.",
}
_PREFER: dict[str, Any] = {
    "in": "header",
    "name": "Prefer",
    "required": False,
    "schema": {"type": "string"},
    "example": "wait=5",
    "description": "`wait=N`: wait N seconds for the outcome, at most 10; 2 without it. `respond-async`: do not wait.",
}
_LOCATION = {"schema": {"type": "string"}, "description": "The address of the command."}
_RETRY_AFTER = {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds to wait."}
_APPLIED = {
    "schema": {"type": "string"},
    "description": "The part of `Prefer` that was applied; only if it was sent.",
}
_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "201": {"Location": {**_LOCATION, "required": True}},
    "202": {"Location": {**_LOCATION, "required": True}, "Preference-Applied": _APPLIED},
    "429": {"Retry-After": {**_RETRY_AFTER, "required": True}},
    "503": {"Retry-After": {**_RETRY_AFTER, "required": True}, "Location": _LOCATION},
}


def complete(spec: dict[str, Any], endpoints: Iterable[str] = ()) -> dict[str, Any]:
    """Give the generated document names and an order, and add what all operations have in common.

    *endpoints* are the application's, in the order of their registration.
    """
    spec = _with_plain_names(spec)
    schemas = spec["components"]["schemas"]
    schemas["Error"] = ErrorOut.model_json_schema(by_alias=True)
    schemas["ErrorCode"] = {
        "type": "string",
        "enum": sorted(ERROR_CODES),
        "description": "Those of this release; a newer one may have more.",
    }
    schemas["Error"]["properties"]["code"] = {
        "anyOf": [{"$ref": f"{_SCHEMAS}ErrorCode"}, {"type": "string"}],
        "description": "A slug for a program.",
    }
    for name in schemas.keys() & EXAMPLES.keys():
        schemas[name]["examples"] = list(EXAMPLES[name])
    spec["components"]["examples"] = {
        code: {"value": {"error": sentence, "code": code, "details": {}}}
        for code, sentence in sorted(ERROR_CODES.items())
    }
    spec["servers"] = [{"url": "/", "description": "The Pitboss that serves this document"}]
    rank = {endpoint.replace(".", "_"): number for number, endpoint in enumerate(endpoints)}
    spec["paths"] = _in_order(spec.get("paths", {}), rank)
    tags = {tag: None for path in spec["paths"].values() for each in path.values() for tag in each["tags"]}
    spec["tags"] = [{"name": tag, **_described(tag)} for tag in sorted(tags, key=_place)]
    for path in spec["paths"].values():
        for method, operation in path.items():
            _complete(method, operation, schemas)
    return _without_titles(spec)


def _complete(method: str, operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    verb, _, endpoint = operation["operationId"].partition("_")
    name = endpoint.partition("_")[2]  # after the blueprint's
    operation["operationId"] = f"get_{name}" if verb == "get" else name
    responses = operation["responses"]
    responses |= {str(status): answer for status, answer in _ANY_REQUEST.items()}
    operation["responses"] = dict(sorted(responses.items()))
    is_command = method in ("post", "patch") and "Commands" in operation["tags"]
    parameters = operation.setdefault("parameters", [])
    if is_command:
        parameters.append(_PREFER)
    if is_command or (method in ("post", "patch") and "Trades" in operation["tags"]):
        parameters.append(_IDEMPOTENCY_KEY)
    for parameter in parameters:
        if parameter["schema"].get("type") == "array":
            parameter |= {"style": "form", "explode": True}
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")
    for status, answer in operation["responses"].items():
        headers = dict(_HEADERS.get(status, {}))
        if status == "200" and is_command:
            headers["Preference-Applied"] = _APPLIED
        if headers:
            answer["headers"] = headers
    for body in _bodies(operation):
        needed = schemas[body["$ref"].rpartition("/")[2]]
        operation["requestBody"]["required"] = bool({"required", "minProperties"} & needed.keys())


def _with_plain_names(spec: Any) -> Any:
    """Shorten names such as ``TradePage.TradeOut``, which the generator gives to a schema inside another, to the last part.

    Raises:
        ValueError: two different schemas have one name.
    """
    schemas: dict[str, Any] = {}
    for name, schema in spec.setdefault("components", {}).setdefault("schemas", {}).items():
        plain, renamed = name.rpartition(".")[2], _renamed(schema)
        if schemas.setdefault(plain, renamed) != renamed:
            raise ValueError(f"two different schemas are called {plain}")
    spec["components"]["schemas"] = dict(sorted(schemas.items()))
    return _renamed(spec)


def _renamed(node: Any) -> Any:
    if isinstance(node, list):
        return [_renamed(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _SCHEMAS + value.removeprefix(_SCHEMAS).rpartition(".")[2]
        if key == "$ref" and str(value).startswith(_SCHEMAS)
        else _renamed(value)
        for key, value in node.items()
    }


def _without_titles(node: Any) -> Any:
    """Remove the titles that pydantic makes from the fields' names."""
    if isinstance(node, list):
        return [_without_titles(each) for each in node]
    if not isinstance(node, dict):
        return node
    is_schema = "title" in node and isinstance(node["title"], str) and {"type", "anyOf", "enum"} & node.keys()
    return {key: _without_titles(value) for key, value in node.items() if not (key == "title" and is_schema)}


def _in_order(paths: Mapping[str, Any], rank: Mapping[str, int]) -> dict[str, Any]:
    """Order the paths by subject, and within it as the routes are in the code."""

    def place(item: tuple[str, Any]) -> tuple[tuple[int, str], int]:
        operations: Sequence[Any] = list(item[1].values())
        known = [rank.get(each["operationId"].partition("_")[2], len(rank)) for each in operations]
        return min(_place(each["tags"][0]) for each in operations), min(known)

    return dict(sorted(paths.items(), key=place))


def _place(tag: str) -> tuple[int, str]:
    return list(TAGS).index(tag) if tag in TAGS else len(TAGS), tag


def _described(tag: str) -> dict[str, str]:
    return {"description": TAGS[tag]} if tag in TAGS else {}


def _bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of the operation's body."""
    content = operation.get("requestBody", {}).get("content", {})
    return [kind["schema"] for kind in content.values()]
