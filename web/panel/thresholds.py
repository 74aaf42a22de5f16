"""The thresholds as the panel's form shows them: in groups, each with its limits in words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.models.thresholds import THRESHOLDS, Group, Threshold, ThresholdType


@dataclass(frozen=True)
class Field:
    """One field of the form."""

    threshold: Threshold

    @property
    def help(self) -> str:
        """The threshold's meaning, limits and default."""
        limits = "".join(f" {part}." for part in (self._limits(), f"Default {self._default()}") if part)
        return self.threshold.description + limits

    @property
    def tiers(self) -> list[int]:
        """The choices of a threshold that is a list of tiers."""
        return list(range(self.threshold.minimum, self.threshold.maximum + 1))

    @property
    def json_default(self) -> Any:
        """The default, in JSON's form."""
        default = self.threshold.default
        if isinstance(default, tuple):
            return list(default)
        return float(default) if isinstance(default, Decimal) else default

    def _limits(self) -> str:
        threshold = self.threshold
        if threshold.type not in (ThresholdType.DECIMAL, ThresholdType.INTEGER):
            return ""
        least = f"More than {threshold.minimum:,}" if threshold.above_minimum else f"{threshold.minimum:,}"
        return f"{least}{', at most' if threshold.above_minimum else ' to'} {threshold.maximum:,}"

    def _default(self) -> str:
        default = self.threshold.default
        if isinstance(default, bool):
            return "on" if default else "off"
        if isinstance(default, tuple):
            return ", ".join(map(str, default))
        return f"{default:,}"


#: Every field, by its threshold's name in JSON.
FIELDS = {threshold.json_name: Field(threshold) for threshold in THRESHOLDS.values()}
#: The form's headings, each with its fields.
GROUPS = {group: [field for field in FIELDS.values() if field.threshold.group is group] for group in Group}
