"""The thresholds that an operator can change."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from client.models.base import Answer


class Thresholds(Answer):
    """The thresholds alone."""

    daily_loss_limit_usd: Decimal
    count_open_loss: bool
    max_concurrent_positions: int
    min_win_rate: Decimal
    max_share_price: Decimal
    max_float_shares: int
    min_relative_volume: Decimal
    enabled_catalyst_tiers: list[int]
    position_size_usd: Decimal
    confidence_multiplier_high: Decimal
    confidence_multiplier_med: Decimal
    confidence_multiplier_low: Decimal
    hard_stop_loss_pct: Decimal
    max_hold_duration_sec: int


class Config(Thresholds):
    """The thresholds, and when they last changed."""

    revision: int
    updated_at: datetime
