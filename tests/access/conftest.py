"""Who may come in: tokens, sessions, refusals; on a running system, and on the database alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory, database_by_settings
from tests.support.stack import Stack

__all__ = ["database_by_settings"]


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    """A running system without a worker for one file: nothing here needs one."""
    stack = make_module_stack()
    stack.start_redis()
    stack.start_web()
    return stack


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


@pytest.fixture
def browser(stack: Stack) -> Browser:
    return Browser(stack.url)


@pytest.fixture
def tokens(stack: Stack) -> Iterator[Any]:
    """Calls ``script/tokens``."""

    def call(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot.access", *arguments],
            env=stack.env(),
            cwd=stack.root,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    yield call
    stack.sql("UPDATE bot_token SET revoked_at = now() WHERE revoked_at IS NULL")
