"""The panel's session without a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.client import TOKENS


@dataclass
class Browser:
    """The panel's pages, as a browser asks for them."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self, token: str = TOKENS["operator"]) -> requests.Response:
        page = self.session.get(f"{self.url}/login", timeout=10)
        return self.session.post(
            f"{self.url}/login",
            data={"csrf_token": _csrf(page.text), "token": token},
            allow_redirects=False,
            timeout=10,
        )

    def log_out(self) -> requests.Response:
        return self.session.post(
            f"{self.url}/logout", data={"csrf_token": self.csrf()}, allow_redirects=False, timeout=10
        )

    def csrf(self) -> str:
        return _csrf(self.session.get(f"{self.url}/", timeout=10).text)

    def send(self, method: str, path: str, csrf: str | None = None, **kwargs: Any) -> requests.Response:
        headers = {} if csrf is None else {"X-CSRF-Token": csrf}
        return self.session.request(
            method, f"{self.url}/api/bot{path}", headers=headers, timeout=10, **kwargs
        )

    def copy(self) -> Browser:
        """The same cookies in another hand."""
        other = Browser(self.url)
        other.session.cookies.update(self.session.cookies)
        return other


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf[-_]token" (?:value|content)="([^"]+)"', page)
    assert found is not None, page[:500]
    return found[1]
