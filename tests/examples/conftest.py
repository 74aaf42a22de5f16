"""The examples against the real system."""

import pytest

pytest.register_assert_rewrite("tests.support")

from tests.support.fixtures import (  # noqa: E402 - the modules above are rewritten first
    fresh_stack,
    make_module_stack,
    make_stack,
    shared_stack,
    stack,
    workshop,
)

__all__ = ["fresh_stack", "make_module_stack", "make_stack", "shared_stack", "stack", "workshop"]
