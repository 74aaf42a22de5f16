"""What all accounts have in common: prices, assets, halts, the clock, and how long an order takes to fill."""

from __future__ import annotations

import time
from collections.abc import Callable

from sandbox.assets import Assets
from sandbox.clock import Clock
from sandbox.prices import Prices

FILL_DELAY_SEC = 0.2


class Venue:
    """The exchange. ``now`` gives Unix time and is a test's to replace."""

    def __init__(
        self,
        *,
        walk: bool = False,
        fill_delay_sec: float = FILL_DELAY_SEC,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.now = now
        self.prices = Prices(walk=walk, now=now)
        self.assets = Assets()
        self.clock = Clock(now)
        self.halted: set[str] = set()
        self.hold_fills = False
        self.fill_delay_sec = fill_delay_sec
