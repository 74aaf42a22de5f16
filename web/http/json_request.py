"""The request as this interface reads it: a body is optional, and must be a JSON object if there is one."""

from __future__ import annotations

import re
from typing import Any

from flask import Request, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from bot.commands.log import MAX_KEY
from bot.errors import InvalidParams

MAX_BODY = 64 * 1024


class AllThatIsGiven(ImmutableMultiDict[str, str]):
    """Parameters with all of their values: werkzeug would take the first and silently drop the others."""

    def to_dict(self, flat: bool = True) -> Any:
        return {name: values[0] if len(values) == 1 else values for name, values in self.lists()}


class JsonRequest(Request):
    """Reads a missing body as an empty object, and all values of a parameter."""

    parameter_storage_class = AllThatIsGiven

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        data = self.get_data(cache=True)
        if not data:
            return {}
        if self.content_length is None and len(data) >= MAX_BODY:
            # werkzeug silently cuts a chunked body at the limit
            raise RequestEntityTooLarge()
        try:
            body = super().get_json(force=force, silent=silent, cache=cache)
        except RecursionError:
            raise BadRequest("The body is nested too deeply.") from None
        if body is None:
            raise BadRequest("The body is null. Send an object such as {}, or no body.")
        return body

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        raise BadRequest("The body is not JSON. Send an object such as {}, or no body.")


def idempotency_key() -> str | None:
    """The present request's ``Idempotency-Key``.

    Raises:
        InvalidParams: it is not one.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(rf"[\x21-\x7e]{{1,{MAX_KEY}}}", key):
        raise InvalidParams(
            details={
                "fields": {"Idempotency-Key": [f"must be 1 to {MAX_KEY} visible ASCII characters, no spaces"]}
            }
        )
    return key
