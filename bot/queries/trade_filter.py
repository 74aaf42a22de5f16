"""The filter that lists of trades, their statistics and their exports have in common."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func

from bot.market_hours import day_after, midnight
from bot.models import BotTrade, ExitReason, TradeStatus
from bot.states import Mode


@dataclass(frozen=True)
class TradeFilter:
    """The trades that match all conditions."""

    statuses: Collection[TradeStatus] = ()
    symbol: str | None = None
    modes: Collection[Mode] = ()
    catalyst_type: str | None = None
    catalyst_tiers: Collection[int] = ()
    exit_reasons: Collection[ExitReason] = ()
    #: First and last trading date, in New York, on which they were entered.
    since: date | None = None
    until: date | None = None

    def narrow(self, query: Select[Any]) -> Select[Any]:
        """*query*, restricted to these trades."""
        if self.statuses:
            query = query.where(BotTrade.status.in_(self.statuses))
        if self.symbol is not None:
            query = query.where(BotTrade.symbol == self.symbol.upper())
        if self.modes:
            query = query.where(func.coalesce(BotTrade.mode, Mode.PAPER).in_(self.modes))
        if self.catalyst_type is not None:
            query = query.where(BotTrade.catalyst_type == self.catalyst_type)
        if self.catalyst_tiers:
            query = query.where(BotTrade.catalyst_tier.in_(self.catalyst_tiers))
        if self.exit_reasons:
            query = query.where(BotTrade.exit_reason.in_(self.exit_reasons))
        if self.since is not None:
            query = query.where(BotTrade.entry_at >= midnight(self.since))
        return (
            query if self.until is None else query.where(BotTrade.entry_at < midnight(day_after(self.until)))
        )
