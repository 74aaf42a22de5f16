"""The request as this interface reads it: a body is optional, and must be a JSON object when there is one."""

from __future__ import annotations

from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest

MAX_BODY = 64 * 1024


class JsonRequest(Request):
    """Reads no body at all as an empty object."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        if not self.get_data(cache=True):
            return {}
        try:
            return super().get_json(force=force, silent=silent, cache=cache)
        except RecursionError:
            raise BadRequest("The body is nested too deeply.") from None

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        raise BadRequest("The body is not JSON. Send an object such as {}, or no body.")
