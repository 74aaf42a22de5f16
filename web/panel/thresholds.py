"""How the panel shows the thresholds. Limits and descriptions are those of ``bot.commands.thresholds``: the server judges."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands.thresholds import ThresholdChanges


@dataclass(frozen=True)
class Field:
    """One threshold: what it is called, and the unit after its value."""

    name: str
    label: str
    unit: str = ""

    @property
    def wire(self) -> str:
        """Its name in JSON."""
        return ThresholdChanges.model_fields[self.name].alias or self.name

    @property
    def help(self) -> str:
        return ThresholdChanges.model_fields[self.name].description or ""


@dataclass(frozen=True)
class Group:
    title: str
    fields: tuple[Field, ...]


GROUPS = (
    Group(
        "Limits of a day",
        (
            Field("daily_loss_limit_usd", "Daily loss limit", unit="USD"),
            Field("max_concurrent_positions", "Open positions at once", unit="positions"),
            Field("min_win_rate", "Least win rate", unit="0 to 1"),
        ),
    ),
    Group(
        "Which shares",
        (
            Field("max_share_price", "Highest share price", unit="USD"),
            Field("max_float_shares", "Largest float", unit="shares"),
            Field("min_relative_volume", "Least relative volume", unit="× the usual"),
            Field("enabled_catalyst_tiers", "Catalyst tiers"),
        ),
    ),
    Group(
        "Size of a position",
        (
            Field("position_size_usd", "Position size", unit="USD"),
            Field("confidence_multiplier_high", "High confidence", unit="× the size"),
            Field("confidence_multiplier_med", "Medium confidence", unit="× the size"),
            Field("confidence_multiplier_low", "Low confidence", unit="× the size"),
        ),
    ),
    Group(
        "Exit",
        (
            Field("hard_stop_loss_pct", "Hard stop loss", unit="% of entry"),
            Field("max_hold_duration_sec", "Longest hold", unit="seconds"),
        ),
    ),
)
