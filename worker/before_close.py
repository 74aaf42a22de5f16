"""A schedule of beat's: so many minutes before each close of the exchange."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from celery.schedules import BaseSchedule, schedstate

from bot import market_hours

#: A time that was missed by more than this does not count any more.
LATEST = timedelta(minutes=5)


class BeforeClose(BaseSchedule):
    """*minutes* before each close, by the exchange's calendar and MARKET_CLOSURES; never late."""

    def __init__(
        self,
        minutes: int,
        closures: market_hours.Closures = market_hours.NO_CLOSURES,
        nowfun: Any = None,
        app: Any = None,
    ) -> None:
        super().__init__(nowfun=nowfun, app=app)
        self.minutes, self.closures = minutes, dict(closures)

    @property
    def tz(self) -> Any:
        """The zone that beat counts in."""
        return market_hours.NEW_YORK

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Until it is due; negative when it has been for a while."""
        return self._due_at(last_run_at) - self.now()

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Whether it is due, and in how many seconds to ask again."""
        remaining = self.remaining_estimate(last_run_at)
        is_due = remaining <= timedelta(0)
        following = self._before_close(self.now()) - self.now() if is_due else remaining
        return schedstate(is_due, following.total_seconds())

    def _due_at(self, last_run_at: datetime) -> datetime:
        return self._before_close(max(self.maybe_make_aware(last_run_at), self.now() - LATEST))

    def _before_close(self, after: datetime) -> datetime:
        return market_hours.next_before_close(after, self.minutes, self.closures)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BeforeClose) and (other.minutes, other.closures) == (
            self.minutes,
            self.closures,
        )

    def __hash__(self) -> int:
        return hash(self.minutes)

    def __reduce__(self) -> Any:
        return type(self), (self.minutes, self.closures)

    def __repr__(self) -> str:
        return f"<{self.minutes} minutes before each close>"
