"""structlog without rich, which it would load, and pygments with it, where they are installed: 9 MiB in every process, for tracebacks
that are never written here, because they show local variables, secrets among them."""

from __future__ import annotations

import sys

_rich = sys.modules.get("rich")
# so Python says that there is no such module
sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if _rich is None:
        del sys.modules["rich"]
    else:
        sys.modules["rich"] = _rich

__all__ = ["structlog"]
