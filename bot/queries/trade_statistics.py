"""How trades ended: totals, win rate, profit factor and expectancy, of all trades and by tier, exit reason and catalyst.

Paper and live money are never added up: every figure is of one mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import Session

from bot.models import BotConfig, BotTrade, TradeStatus
from bot.queries.trade_filter import TradeFilter
from bot.states import Mode

#: The most groups of one kind that are shown: those with the most trades.
MOST_GROUPS = 50


@dataclass(frozen=True)
class Figures:
    """Figures of closed trades. Amounts are US dollars; a trade that earned exactly nothing is neither win nor loss."""

    trades: int
    wins: int
    losses: int
    net_pnl: Decimal
    gross_profit: Decimal
    #: Negative.
    gross_loss: Decimal
    average_held_sec: float | None
    #: The value that a group of trades has in common; None for all trades, and for trades without such a value.
    value: str | None = None

    @property
    def win_rate(self) -> float | None:
        """Share of wins, 0 to 1."""
        return self.wins / self.trades if self.trades else None

    @property
    def profit_factor(self) -> float | None:
        """Dollars won for each dollar lost; None if nothing was lost."""
        return float(self.gross_profit / -self.gross_loss) if self.gross_loss else None

    @property
    def expectancy(self) -> Decimal | None:
        """Average profit of a trade."""
        return self.net_pnl / self.trades if self.trades else None

    @property
    def average_win(self) -> Decimal | None:
        """Average profit of a winning trade."""
        return self.gross_profit / self.wins if self.wins else None

    @property
    def average_loss(self) -> Decimal | None:
        """Average loss of a losing trade, negative."""
        return self.gross_loss / self.losses if self.losses else None


@dataclass
class ModeStatistics:
    """The figures of one mode's trades."""

    mode: Mode
    total: Figures
    #: The largest drawdown of their running total, in the order of their exits; negative.
    max_drawdown: Decimal
    by_catalyst_tier: list[Figures] = field(default_factory=list)
    by_exit_reason: list[Figures] = field(default_factory=list)
    by_catalyst_type: list[Figures] = field(default_factory=list)


_MODE = func.coalesce(BotTrade.mode, Mode.PAPER)
_PNL = BotTrade.pnl
_CLOSED = (BotTrade.status == TradeStatus.CLOSED, _PNL.is_not(None))
_GROUPS = {
    "by_catalyst_tier": BotTrade.catalyst_tier,
    "by_exit_reason": BotTrade.exit_reason,
    "by_catalyst_type": BotTrade.catalyst_type,
}


def statistics(session: Session, which: TradeFilter) -> tuple[Decimal, list[ModeStatistics]]:
    """The win rate that the thresholds require, and the figures of the closed trades among *which*, mode by mode."""
    found: dict[Mode, ModeStatistics] = {}
    drawdowns = {row.mode: row.drawdown for row in session.execute(_drawdowns(which))}
    for row in session.execute(_statement(which)):
        figures = Figures(
            *(row.trades, row.wins, row.losses, row.net_pnl, row.gross_profit, row.gross_loss),
            average_held_sec=None if row.held is None else float(row.held),
            value=next((str(each) for each in (row.tier, row.reason, row.type) if each is not None), None),
        )
        if row.grouping == _grouping_of(None):
            found[row.mode] = ModeStatistics(Mode(row.mode), figures, drawdowns[row.mode])
            continue
        name = next(name for name in _GROUPS if row.grouping == _grouping_of(name))
        groups: list[Figures] = getattr(found[row.mode], name)
        if len(groups) < MOST_GROUPS:
            groups.append(figures)
    min_win_rate = session.scalars(select(BotConfig.min_win_rate)).one()
    return min_win_rate, [found[mode] for mode in Mode if mode in found]


def _grouping_of(name: str | None) -> int:
    """The value of Postgres's ``grouping`` for rows that are grouped by the column of *name*: one bit for each other column."""
    return sum(1 << place for place, each in enumerate(reversed(tuple(_GROUPS))) if each != name)


def _drawdowns(which: TradeFilter) -> Select[Any]:
    in_order = (BotTrade.exit_at, BotTrade.id)
    so_far = func.sum(_PNL).over(partition_by=_MODE, order_by=in_order)
    trades: Any = select(_MODE.label("mode"), *in_order, so_far.label("sum")).where(*_CLOSED)
    sums = which.narrow(trades).subquery()
    height = func.max(sums.c.sum).over(partition_by=sums.c.mode, order_by=(sums.c.exit_at, sums.c.id))
    heights = select(sums.c.mode, sums.c.sum, height.label("height")).subquery()
    fall = heights.c.sum - func.greatest(heights.c.height, 0)
    return select(heights.c.mode, func.min(fall).label("drawdown")).group_by(heights.c.mode)


def _statement(which: TradeFilter) -> Select[Any]:
    columns: Sequence[object] = tuple(_GROUPS.values())
    grouping = func.grouping(*columns)
    trades = func.count()
    query = (
        select(
            _MODE.label("mode"),
            grouping.label("grouping"),
            BotTrade.catalyst_tier.label("tier"),
            BotTrade.exit_reason.label("reason"),
            BotTrade.catalyst_type.label("type"),
            trades.label("trades"),
            trades.filter(_PNL > 0).label("wins"),
            trades.filter(_PNL < 0).label("losses"),
            func.sum(_PNL).label("net_pnl"),
            func.coalesce(func.sum(_PNL).filter(_PNL > 0), 0).label("gross_profit"),
            func.coalesce(func.sum(_PNL).filter(_PNL < 0), 0).label("gross_loss"),
            func.avg(func.extract("epoch", BotTrade.exit_at - BotTrade.entry_at)).label("held"),
        )
        .where(*_CLOSED)
        .group_by(_MODE, func.grouping_sets(literal_column("()"), *columns))
        # the total of a mode first, then its largest groups
        .order_by(grouping.desc(), trades.desc())
    )
    return which.narrow(query)
