"""The interface as strangers meet it: by its own description, with every method on every address, with wrong tokens."""

import pytest

pytest.register_assert_rewrite("tests.support")

from tests.support.fixtures import (  # noqa: E402 - the modules above are rewritten first
    StackFactory,
    make_module_stack,
    make_stack,
    workshop,
)
from tests.support.stack import Stack  # noqa: E402

__all__ = ["make_module_stack", "make_stack", "workshop"]


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    """A running system for one file."""
    return make_module_stack().start()
