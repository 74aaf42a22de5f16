"""Web's background threads: they check for lasting conditions, since a dead worker cannot report itself, and deliver alerts and
flatten if no worker does. They are separate threads so that a receiver or a broker that hangs delays no request and no command."""

from __future__ import annotations

from collections.abc import Callable

from bot.access import daily_head
from bot.access.daily_head import DailyHead
from bot.alerts import conditions, delivery, destinations, write_monitor
from bot.alerts.conditions import ConditionMonitor
from bot.alerts.delivery import AlertDelivery
from bot.alerts.destinations import DestinationDelivery
from bot.alerts.write_monitor import WriteMonitor
from bot.flattening import process, suspension
from bot.flattening.process import Flattener
from bot.flattening.suspension import Suspender
from bot.runtime.threads import Threads
from bot.settings.settings import Settings
from bot.storage.database import Database

#: A kill, stop or pause uses a connection for about a second at most: that long it waits for the lock. A Postgres that hangs is
#: an answer within 5 s, whether the second try waits for a new connection, or has one and hangs as the first did.
LANE_SEC = 2.25


class Background:
    """One thread for each of these tasks, for a whole process."""

    def __init__(self, database: Database, lane: Database, settings: Settings) -> None:
        guard = lane.guard(LANE_SEC)
        self.writes = WriteMonitor(database, settings)
        monitor = ConditionMonitor(database, settings)
        delivering = AlertDelivery(database, settings, patience=delivery.LEFT_TO_A_WORKER)
        self._repeated: list[tuple[str, float | Callable[[], float], Callable[[], object]]] = [
            ("lane", guard.pause_sec, guard.check),
            ("conditions", conditions.LOOK_SEC, monitor.check),
            ("writes", write_monitor.LOOK_SEC, self.writes.check),
            ("alerts", delivery.LOOK_SEC, delivering.run),
            ("daily head", daily_head.LOOK_SEC, DailyHead(database, settings).check),
            ("flatten", process.LOOK_SEC, Flattener(database, settings, is_worker=False).run),
            ("suspension", suspension.LOOK_SEC, Suspender(database, settings, is_worker=False).run),
        ]
        for address in settings.alert_addresses:
            telling = DestinationDelivery(database, settings, address, patience=delivery.LEFT_TO_A_WORKER)
            self._repeated.append((f"alerts to {address.name}", destinations.LOOK_SEC, telling.run))

    def start(self, threads: Threads) -> None:
        """Start them all."""
        for name, seconds, work in self._repeated:
            threads.repeat(name, seconds, work)
