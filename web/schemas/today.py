"""The schemas of one trading day, from which the panel draws its charts."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from bot.states import BotState, CommandKind, Mode
from web.schemas.base import Number, Shape


class MinuteOut(Shape):
    at: datetime
    pnl: Number = Field(description="Realized by the exits of this minute, in US dollars.")
    trades: int = Field(description="Trades that were closed in it.")
    cumulative: Number = Field(description="Realized P&L of the day up to and including this minute.")


class IntradayOut(Shape):
    date: date
    mode: Mode
    begins_at: datetime
    ends_at: datetime
    opens_at: datetime | None = Field(description="When the exchange opens that day; null if it does not.")
    closes_at: datetime | None
    loss_limit_usd: Number
    points: list[MinuteOut]
    as_of: datetime


class StretchOut(Shape):
    state: BotState | str
    killed: bool
    mode: Mode | str
    began_at: datetime
    ended_at: datetime
    kind: CommandKind | str | None = Field(
        description="The command that began it; null if it began before the day."
    )
    actor: str | None


class StatesOut(Shape):
    date: date
    begins_at: datetime
    ends_at: datetime
    opens_at: datetime | None
    closes_at: datetime | None
    items: list[StretchOut] = Field(description="Without gaps, earliest first.")
    as_of: datetime
