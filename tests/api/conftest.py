"""The interface as strangers meet it: by its own description, with every method on every address, with wrong tokens."""

import pytest

from tests.support.reset import reset
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def stack(shared_stack: Stack) -> Stack:
    """The shared system, reset once for the file."""
    reset(shared_stack)
    return shared_stack
