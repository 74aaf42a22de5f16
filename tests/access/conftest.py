"""Who may come in: tokens, sessions, refusals; on a running system, and on the database alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from bot.access.__main__ import main
from tests.support import program
from tests.support.browser import Browser
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


@pytest.fixture
def browser(stack: Stack) -> Browser:
    return Browser(stack.url)


@pytest.fixture
def tokens(stack: Stack) -> Iterator[Any]:
    """Calls the program of ``script/tokens``."""

    def call(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return program.call(main, *arguments, env=stack.env(), stdin=stdin)

    yield call
    stack.sql("UPDATE bot_token SET revoked_at = now() WHERE revoked_at IS NULL")
