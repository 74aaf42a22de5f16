"""One clock for all that this run writes down: wall time that never goes back."""

from __future__ import annotations

import time

_BEGAN = time.time() - time.monotonic()


def now() -> float:
    """Epoch seconds."""
    return _BEGAN + time.monotonic()
