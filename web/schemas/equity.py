"""The schemas of the equity curve."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.states import Mode
from web.schemas.base import Number, Shape


class EquityPointOut(Shape):
    at: datetime = Field(description="The minute in which the broker was read.")
    equity: Number = Field(description="US dollars, with what was open.")
    open_pnl: Number | None = Field(description="Of it not realized; null if it was not known.")


class SessionOfExchangeOut(Shape):
    opens_at: datetime
    closes_at: datetime


class EquityOut(Shape):
    mode: Mode
    every_min: int = Field(description="Each point is the last reading of so many minutes.")
    points: list[EquityPointOut] = Field(
        description="The earliest first; while the exchange is closed, only changes."
    )
    sessions: list[SessionOfExchangeOut] = Field(
        description="When the exchange was open from the day of the first point to that of the last."
    )
    as_of: datetime
