"""structlog without rich, which it would load, and pygments with it, where they are installed: 9 MiB in every process, for tracebacks
that are never written here, because they show local variables, secrets among them."""

from __future__ import annotations

from bot.runtime.without import without

with without("rich"):
    import structlog

__all__ = ["structlog"]
