"""The gate, under the name that other programs import: see ``bot.status.gate``."""

from bot.status.gate import Gate, Reason, judge
from bot.status.snapshot import snapshot

__all__ = ["Gate", "Reason", "judge", "snapshot"]
