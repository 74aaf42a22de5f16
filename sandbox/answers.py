"""How the sandbox answers, and how it reads what a query asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Response, request

from sandbox.errors import invalid
from sandbox.times import unix

#: Turns a view of an account into a view of a request.
AccountCall = Callable[[Callable[..., Response]], Callable[..., Response]]


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(json.dumps(content, separators=(",", ":")), status, mimetype="application/json")


def asked_time(name: str) -> float | None:
    """A moment of the query, or Alpaca's 422."""
    value = request.args.get(name)
    try:
        return None if value is None else unix(value)
    except ValueError:
        raise invalid(f"{name} is not a valid timestamp") from None


def asked_flag(name: str) -> bool:
    """A true or false of the query; false if it is not there."""
    value = request.args.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"{name} must be true or false")
    return value == "true"


def asked_size(name: str, default: int, most: int) -> int:
    """How many rows the query asks for, or Alpaca's 422."""
    try:
        size = int(request.args.get(name, default))
    except ValueError:
        size = 0
    if not 0 < size <= most:
        raise invalid(f"{name} must be between 1 and {most}")
    return size


def asked_descending() -> bool:
    """Whether the newest comes first, as it does unless the query says otherwise."""
    direction = request.args.get("direction", "desc")
    if direction not in ("asc", "desc"):
        raise invalid("direction must be asc or desc")
    return direction == "desc"
