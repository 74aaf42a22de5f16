"""The thresholds that an operator can change: one row for each.

The column's default, the check of a change, the answer of ``/config`` and the panel's form are all made from these rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import false, text, true


class ThresholdType(StrEnum):
    """The type of a threshold's value."""

    DECIMAL = "decimal"  # an exact number
    INTEGER = "integer"
    TIERS = "tiers"  # a list of catalyst tiers
    BOOLEAN = "boolean"


class Group(StrEnum):
    """The groups of thresholds: the panel's headings, in order."""

    DAY = "Limits of a day"
    SHARES = "Which shares"
    SIZE = "Size of a position"
    EXIT = "Exit"


@dataclass(frozen=True)
class Threshold:
    """One threshold."""

    #: Its column's name.
    name: str
    type: ThresholdType
    default: Decimal | int | bool | tuple[int, ...]
    group: Group
    #: Its name in the panel, and the unit after its value there.
    label: str
    unit: str
    #: Its meaning, in a sentence.
    description: str
    #: The least and the greatest value; for tiers, of each tier. With *above_minimum* the least itself is excluded.
    minimum: int = 0
    maximum: int = 1
    above_minimum: bool = False
    #: The most digits after the decimal point.
    decimal_places: int = 0
    #: Whether a greater or a smaller value allows greater losses.
    greater_is_riskier: bool = True

    def is_riskier(self, before: Any, after: Any) -> bool:
        """Whether more can be lost with *after* than with *before*."""
        if self.type is ThresholdType.TIERS:
            return bool(set(after) - set(before))
        return bool(after > before) if self.greater_is_riskier else bool(after < before)

    @property
    def json_name(self) -> str:
        """Its name in JSON."""
        return to_camel(self.name)

    @property
    def server_default(self) -> Any:
        """The column's default."""
        if isinstance(self.default, bool):
            return true() if self.default else false()
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default))
        return text(str(self.default))


_DECIMAL, _INTEGER = ThresholdType.DECIMAL, ThresholdType.INTEGER
_USD: Mapping[str, Any] = {"maximum": 10_000_000, "above_minimum": True, "decimal_places": 2}
_FACTOR: Mapping[str, Any] = {"maximum": 100, "decimal_places": 4}

_ROWS = (
    Threshold(
        *("daily_loss_limit_usd", _DECIMAL, Decimal(500), Group.DAY, "Daily loss limit", "USD"),
        "Loss of one trading day, in US dollars, at which the gate closes.",
        **_USD,
    ),
    Threshold(
        *("count_open_loss", ThresholdType.BOOLEAN, True, Group.DAY, "Count open loss", ""),
        "Whether the profit and loss of open positions counts toward the day's loss, beside what is realized.",
        greater_is_riskier=False,
    ),
    Threshold(
        *("max_concurrent_positions", _INTEGER, 3, Group.DAY, "Max. open positions", "positions"),
        "The most positions open at once.",
        minimum=1,
        maximum=1000,
    ),
    Threshold(
        *("min_win_rate", _DECIMAL, Decimal("0.5"), Group.DAY, "Min. win rate", "0 to 1"),
        "Least share of winning trades.",
        greater_is_riskier=False,
        maximum=1,
        decimal_places=4,
    ),
    Threshold(
        *("max_share_price", _DECIMAL, Decimal(20), Group.SHARES, "Max. share price", "USD"),
        "Highest price of a traded share, in US dollars.",
        **_USD,
    ),
    Threshold(
        *("max_float_shares", _INTEGER, 20_000_000, Group.SHARES, "Max. float", "shares"),
        "Largest float of a traded company, in shares.",
        minimum=1,
        maximum=100_000_000_000,
    ),
    Threshold(
        *("min_relative_volume", _DECIMAL, Decimal(5), Group.SHARES, "Min. relative volume", "× the usual"),
        "Least relative volume of a traded share, as a multiple of its usual volume.",
        greater_is_riskier=False,
        maximum=10_000,
        decimal_places=4,
    ),
    Threshold(
        *("enabled_catalyst_tiers", ThresholdType.TIERS, (1, 2, 3, 4), Group.SHARES, "Catalyst tiers", ""),
        "Catalyst tiers that are traded, of 1 to 4.",
        minimum=1,
        maximum=4,
    ),
    Threshold(
        *("position_size_usd", _DECIMAL, Decimal(500), Group.SIZE, "Position size", "USD"),
        "Money put into one position, in US dollars.",
        **_USD,
    ),
    Threshold(
        *(
            "confidence_multiplier_high",
            _DECIMAL,
            Decimal("2.0"),
            Group.SIZE,
            "High confidence",
            "× the size",
        ),
        "Factor on the size, high confidence.",
        **_FACTOR,
    ),
    Threshold(
        *(
            "confidence_multiplier_med",
            _DECIMAL,
            Decimal("1.0"),
            Group.SIZE,
            "Medium confidence",
            "× the size",
        ),
        "Factor on the size, medium confidence.",
        **_FACTOR,
    ),
    Threshold(
        *("confidence_multiplier_low", _DECIMAL, Decimal("0.5"), Group.SIZE, "Low confidence", "× the size"),
        "Factor on the size, low confidence.",
        **_FACTOR,
    ),
    Threshold(
        *("hard_stop_loss_pct", _DECIMAL, Decimal("7.0"), Group.EXIT, "Hard stop loss", "% of entry"),
        "Loss of one position, in percent of its entry price, at which it is sold.",
        maximum=100,
        above_minimum=True,
        decimal_places=4,
    ),
    Threshold(
        *("max_hold_duration_sec", _INTEGER, 300, Group.EXIT, "Max. hold", "seconds"),
        "Longest time a position is held, in seconds.",
        minimum=1,
        maximum=86_400,
    ),
)

#: Each threshold by its column's name.
THRESHOLDS: Mapping[str, Threshold] = MappingProxyType({row.name: row for row in _ROWS})
