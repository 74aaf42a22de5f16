"""A small HTTP client of Pitboss, one for each role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

#: A token for each role; the actor in the command log has the role's name.
TOKENS = {
    "operator": "operator-token-of-the-tests",
    "operator2": "second-operator-token-of-the-tests",
    "viewer": "viewer-token-of-the-tests",
    "bot": "bot-token-of-the-tests",
}
API_TOKENS = ",".join(f"{name}:{name.rstrip('2')}:{token}" for name, token in TOKENS.items())

#: Longer than any answer may take, in seconds.
TIMEOUT_SEC = 20.0


class Api:
    """Calls under ``/api/bot``. Each call is a connection of its own, so threads may share it."""

    def __init__(self, root: str, token: str | None) -> None:
        self.root = root
        self._token = token

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, json: Any = None, **kwargs: Any) -> requests.Response:
        return self.request("POST", path, json=json, **kwargs)

    def patch(self, path: str, json: Any = None, **kwargs: Any) -> requests.Response:
        return self.request("PATCH", path, json=json, **kwargs)

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> requests.Response:
        """*path* is under ``/api/bot``, unless it begins with ``//``, which stands for the root."""
        url = self.root + (path[1:] if path.startswith("//") else f"/api/bot{path}")
        authorization = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        timeout = kwargs.pop("timeout", TIMEOUT_SEC)
        return requests.request(
            method, url, headers={**authorization, **(headers or {})}, timeout=timeout, **kwargs
        )

    def status(self) -> dict[str, Any]:
        return self.read("/status")

    def read(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """The JSON of a GET that has to succeed."""
        response = self.get(path, **kwargs)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def do(self, path: str, json: Any = None, **kwargs: Any) -> dict[str, Any]:
        """The JSON of a POST that has to be applied, however busy the machine is."""
        headers = {"Prefer": "wait=10", **(kwargs.pop("headers", None) or {})}
        response = self.post(path, json, headers=headers, **kwargs)
        assert response.status_code == 200, f"{response.status_code} {response.text}"
        done: dict[str, Any] = response.json()
        return done

    def command(self, command_id: str) -> dict[str, Any]:
        return self.read(f"/commands/{command_id}")
