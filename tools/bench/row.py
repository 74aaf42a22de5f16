"""One line of the report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tools.bench.series import Series


class Group(StrEnum):
    """Which table a row is in."""

    TARGETS = "targets"
    GROWTH = "growth"
    REFERENCES = "references"
    MEMORY = "memory"
    LANE = "lane"


@dataclass(frozen=True)
class Target:
    """What the ratio of ours to the baseline has to be."""

    ratio: float
    at_least: bool = False

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.ratio:g}×"


def at_most(ratio: float) -> Target:
    return Target(ratio)


def at_least(ratio: float) -> Target:
    return Target(ratio, at_least=True)


@dataclass(frozen=True)
class Row:
    """One figure, beside its baseline where it has one."""

    group: Group
    measure: str
    what: str
    unit: str
    ours: Series
    baseline: Series | None = None
    #: What the baseline is.
    against: str | None = None
    target: Target | None = None

    @property
    def ratio(self) -> Series | None:
        """None, too, where a baseline was too short for its clock: processor time is counted in steps of 10 ms."""
        if self.baseline is None or not all(self.baseline.values):
            return None
        return self.ours.over(self.baseline)

    @property
    def met(self) -> bool | None:
        """Whether the median over the rounds meets the target; None where there is no target."""
        if self.target is None or self.ratio is None:
            return None
        return self.target.is_met(self.ratio.median)

    @property
    def more_is_better(self) -> bool:
        """Whether a higher figure is the better one."""
        return self.unit == "/s" if self.target is None else self.target.at_least
