"""What web does for the alerts: it keeps the vigil, since a dead worker cannot tell of itself, and delivers what no worker
does. Threads of their own, so that a receiver that hangs delays no request and no command."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bot.alerts import conditions, delivery
from bot.alerts.conditions import ConditionMonitor
from bot.alerts.delivery import AlertDelivery
from bot.errors import PitbossError
from bot.settings.settings import Settings
from bot.storage.database import Database

log = logging.getLogger(__name__)


class Alerts:
    """Two threads for a whole process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._conditions = ConditionMonitor(database, settings)
        self._delivery = AlertDelivery(database, settings, patience=delivery.LEFT_TO_A_WORKER)

    def start(self) -> None:
        self._every("conditions", conditions.LOOK_SEC, self._conditions.check)
        self._every("alerts", delivery.LOOK_SEC, self._delivery.run)

    def _every(self, name: str, seconds: float, work: Callable[[], object]) -> None:
        threading.Thread(target=_repeat, args=(name, seconds, work), name=name, daemon=True).start()


def _repeat(name: str, seconds: float, work: Callable[[], object]) -> None:
    away = False
    while True:
        time.sleep(seconds)
        try:
            work()
            away = False
        except PitbossError as error:
            if not away:
                log.warning("%s: %s", name, error)
            away = True
        except Exception:
            log.exception("%s failed and goes on", name)
