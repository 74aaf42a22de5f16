"""One figure, taken in every round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """The figure of each round, in the order of the rounds."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Series:
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)

    def over(self, baseline: Series) -> Series:
        """The ratio of each round: what was measured side by side is compared side by side."""
        return Series.of(ours / theirs for ours, theirs in zip(self.values, baseline.values, strict=True))


def quantile(values: Sequence[float], share: float) -> float:
    """The least of *values* that at least *share* of them do not exceed: 0.5 is the median, 0.99 is p99."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
