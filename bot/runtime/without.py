"""Loads a library without another one that it would load for something that is never used here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """Have Python say meanwhile that there is no *module*."""
    kept = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment] # which is how Python is told
    try:
        yield
    finally:
        if kept is None:
            del sys.modules[module]
        else:
            sys.modules[module] = kept
