"""Beat's schedules of times of the trading day: never late, and on no day without a session."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, time, timedelta
from typing import Any

from celery.schedules import BaseSchedule, schedstate

from bot import market_hours

#: A time that was missed by more than this does not count any more.
LATEST = timedelta(minutes=5)


class TradingTimes(BaseSchedule):
    """A time of each trading day, by the exchange's calendar and MARKET_CLOSURES."""

    def __init__(self, closures: market_hours.Closures, nowfun: Any = None, app: Any = None) -> None:
        super().__init__(nowfun=nowfun, app=app)
        self.closures = dict(closures)

    @property
    def tz(self) -> Any:
        """The zone that beat counts in."""
        return market_hours.NEW_YORK

    @abstractmethod
    def following(self, after: datetime) -> datetime:
        """The first such time after *after*."""

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Until it is due; negative when it has been for a while."""
        return self.following(max(self.maybe_make_aware(last_run_at), self.now() - LATEST)) - self.now()

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Whether it is due, and in how many seconds to ask again."""
        remaining = self.remaining_estimate(last_run_at)
        is_due = remaining <= timedelta(0)
        following = self.following(self.now()) - self.now() if is_due else remaining
        return schedstate(is_due, following.total_seconds())


class BeforeClose(TradingTimes):
    """*minutes* before each close, early or not."""

    def __init__(
        self, minutes: int, closures: market_hours.Closures = market_hours.NO_CLOSURES, **more: Any
    ) -> None:
        super().__init__(closures, **more)
        self.minutes = minutes

    def following(self, after: datetime) -> datetime:
        return market_hours.next_before_close(after, self.minutes, self.closures)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BeforeClose) and (
            (other.minutes, other.closures) == (self.minutes, self.closures)
        )

    def __hash__(self) -> int:
        return hash(self.minutes)

    def __reduce__(self) -> Any:
        return type(self), (self.minutes, self.closures)

    def __repr__(self) -> str:
        return f"<{self.minutes} minutes before each close>"


class OnTradingDays(TradingTimes):
    """*at* that time in New York."""

    def __init__(
        self, at: time, closures: market_hours.Closures = market_hours.NO_CLOSURES, **more: Any
    ) -> None:
        super().__init__(closures, **more)
        self.at = at

    def following(self, after: datetime) -> datetime:
        return market_hours.next_on_trading_day(after, self.at, self.closures)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OnTradingDays) and (other.at, other.closures) == (self.at, self.closures)

    def __hash__(self) -> int:
        return hash(self.at)

    def __reduce__(self) -> Any:
        return type(self), (self.at, self.closures)

    def __repr__(self) -> str:
        return f"<{self.at:%H:%M} on trading days>"
