"""The interface as strangers meet it: by its own description, with every method on every address, with wrong tokens."""

import pytest

from tests.support.fixtures import StackFactory
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    """A running system for one file."""
    return make_module_stack().start()
