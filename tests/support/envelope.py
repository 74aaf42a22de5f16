"""The one shape of every error."""

from __future__ import annotations

from typing import Any

import requests


def check(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The error's body, after it was seen to be the envelope with this status and code, without a stack trace."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["Content-Type"].startswith("application/json"), response.headers
    body: dict[str, Any] = response.json()
    assert set(body) == {"error", "code", "details"}, body
    assert body["code"] == code, body
    assert body["error"][-1] in ".!", f"not a sentence: {body['error']!r}"
    assert body["error"][0].isupper() or ":" in body["error"], f"not a sentence: {body['error']!r}"
    assert isinstance(body["details"], dict)
    for trace in ("Traceback", 'File "', "psycopg2", "sqlalchemy", "line "):
        assert trace not in response.text, response.text
    return body
