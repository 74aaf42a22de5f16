"""The schemas of statistics of closed trades."""

from __future__ import annotations

from pydantic import Field

from bot.states import Mode
from web.schemas.base import Number, Shape


class FiguresOut(Shape):
    trades: int = Field(description="Closed trades.")
    wins: int
    losses: int = Field(description="A trade that earned exactly nothing is neither win nor loss.")
    win_rate: float | None = Field(description="Share of wins, 0 to 1.")
    net_pnl: Number = Field(description="US dollars, like the other amounts.")
    gross_profit: Number
    gross_loss: Number = Field(description="Negative.")
    profit_factor: float | None = Field(
        description="Dollars won for each dollar lost; null if nothing was lost."
    )
    expectancy: Number | None = Field(description="Average profit of a trade.")
    average_win: Number | None
    average_loss: Number | None
    average_held_sec: float | None


class GroupOut(FiguresOut):
    value: str | None = Field(
        description="The value that these trades have in common; null if they have none."
    )


class ModeStatisticsOut(Shape):
    mode: Mode
    total: FiguresOut
    max_drawdown: Number = Field(description="The largest drawdown of their running P&L; zero or negative.")
    by_catalyst_tier: list[GroupOut] = Field(description="The largest group first, like the others.")
    by_exit_reason: list[GroupOut]
    by_catalyst_type: list[GroupOut]


class TradeStatisticsOut(Shape):
    min_win_rate: Number = Field(description="The win rate that the thresholds require.")
    items: list[ModeStatisticsOut] = Field(
        description="One for each mode that has closed trades: paper and live money are never added up."
    )
