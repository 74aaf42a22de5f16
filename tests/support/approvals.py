"""A running system on which some commands wait for a second operator."""

from __future__ import annotations

import pytest

from tests.support.fixtures import StackFactory
from tests.support.reset import calm
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def approving(make_module_stack: StackFactory) -> Stack:
    """One for a file: a start waits, thresholds that let the bot risk more, and a flatten."""
    return make_module_stack(APPROVALS="start,update_config:raise,flatten").start()


@pytest.fixture(name="stack")
def approving_stack(approving: Stack) -> Stack:
    """``approving``, stopped and with nothing that waits."""
    calm(approving)
    return approving
