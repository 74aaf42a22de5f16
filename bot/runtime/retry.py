"""How long to wait before something that failed is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Waits that double with each failure in a row, from *first_sec* up to *most_sec*, spread at random.

    The spread keeps programs that failed together from coming back together.
    """

    first_sec: float
    most_sec: float
    #: A wait is shortened by up to this share of it.
    spread: float = 0.2

    def wait_sec(self, failures: int, asked_sec: float = 0.0) -> float:
        """Seconds to wait.

        Args:
            failures: failures in a row before the one that is waited after.
            asked_sec: seconds that the other side asked to be left alone: it is not tried sooner, unless that is longer
                than *most_sec*.
        """
        backoff = min(self.first_sec * 2.0 ** min(failures, 20), self.most_sec)
        # the other side's wait is only ever made longer: all whom it asked for the same would come back in step
        wait = max(backoff * _random(1.0 - self.spread, 1.0), asked_sec * _random(1.0, 1.1))
        return min(max(wait, self.first_sec), self.most_sec)


def _random(least: float, most: float) -> float:
    return random.uniform(least, most)  # noqa: S311 - it spreads load and keeps no secret
