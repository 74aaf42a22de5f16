"""What may go wrong with a measurement."""

from __future__ import annotations


class BenchError(Exception):
    """There is no figure: a part did not start, or did something else than what was to be measured. The message is one
    sentence, followed by what the part said."""
