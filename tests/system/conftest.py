"""The system for tests of requests that may change nothing."""

from collections.abc import Iterator

import pytest

from tests.support.invariants import decided
from tests.support.reset import reset
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def _stack(shared_stack: Stack) -> Stack:
    reset(shared_stack)  # once: these tests change nothing
    return shared_stack


@pytest.fixture
def api(_stack: Stack) -> Iterator[Stack]:
    """The system; nothing that a test does may reach its log."""
    before = decided(_stack.config()), _count(_stack)
    yield _stack
    assert (decided(_stack.config()), _count(_stack)) == before


def _count(stack: Stack) -> int:
    return int(stack.sql("SELECT count(*) FROM bot_command")[0]["count"])
