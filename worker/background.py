"""The worker's own clock, in threads of its main process: heartbeat, sweep and retries. They need no Redis.

The sweep is what makes a lost message harmless: it finishes whatever is pending, whether its doorbell came or not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bot.alerts import conditions, delivery
from bot.alerts.conditions import ConditionMonitor
from bot.alerts.delivery import AlertDelivery
from bot.errors import PitbossError
from bot.runtime import liveness_file
from bot.states import spec_of
from bot.status import heartbeat
from bot.storage.notifications import QUEUED, Listener
from worker import context
from worker.tasks import gather_for, reconcile_if_due

#: How often pending commands are looked for, in seconds.
SWEEP_SEC = 1.0
#: How often a due reconciliation, or a command that waits for Alpaca's word, is looked for, in seconds.
EVIDENCE_SEC = 1.0

#: Commands that evidence is gathered for in a row, before it is looked what else is due.
MOST_AT_ONCE = 20

log = logging.getLogger(__name__)


class Background:
    """One thread for each, so that a slow Alpaca or a slow receiver of alerts delays neither the heartbeat nor the sweep."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stopping = threading.Event()
        #: Hears of accepted commands: a second doorbell, faster than the first.
        self._listener = Listener(context.settings(), QUEUED)
        self._rung = False
        self._evidence_needed = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    def start_heartbeat(self) -> None:
        self._every("heartbeat", heartbeat.INTERVAL_SEC, self._beat)
        database, settings = context.database(), context.settings()
        self._every("conditions", conditions.LOOK_SEC, ConditionMonitor(database, settings).check)
        self._every("alerts", delivery.LOOK_SEC, AlertDelivery(database, settings).run)

    def start_sweep(self) -> None:
        self._every("sweep", SWEEP_SEC, self._sweep, self._wait_for_ring)
        self._every("evidence", EVIDENCE_SEC, self._gather, self._wait_for_need)

    def stop(self) -> None:
        """Stop all threads, and take the worker's row away."""
        self._stopping.set()
        self._listener.wake()
        self._evidence_needed.set()
        for thread in self._threads.values():
            thread.join(timeout=1)
        if not any(thread.is_alive() for thread in self._threads.values()):
            self._listener.close()
        try:
            context.database().run(lambda session: heartbeat.leave(session, self._name))
        except PitbossError:
            log.warning("could not sign off; the worker shows as offline in a few seconds")

    def _every(
        self,
        name: str,
        seconds: float,
        work: Callable[[], object],
        wait: Callable[[float], object] | None = None,
    ) -> None:
        if name in self._threads:
            return
        arguments = (name, seconds, work, wait or self._stopping.wait)
        thread = threading.Thread(target=self._repeat, args=arguments, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def _repeat(
        self, name: str, seconds: float, work: Callable[[], object], wait: Callable[[float], object]
    ) -> None:
        away = False
        while not self._stopping.is_set():
            try:
                work()
                if away:
                    log.info("%s: the database is back", name)
                away = False
            except PitbossError as error:
                if not away:
                    log.error("%s: %s", name, error)
                away = True
            except Exception:
                log.exception("%s failed and goes on", name)
            try:
                wait(seconds)
            except Exception:
                log.exception("%s: waiting failed and goes on", name)
                self._stopping.wait(seconds)

    def _beat(self) -> None:
        # before the row: a worker whose database is away lives, and is no better for being started again
        liveness_file.touch(context.settings().alive_file)
        context.database().run(lambda session: heartbeat.beat(session, self._name))

    def _sweep(self) -> None:
        context.controller().apply(look_first=not self._rung)

    def _wait_for_ring(self, seconds: float) -> None:
        """Returns when a command may have been accepted, or after *seconds*."""
        deadline = time.monotonic() + seconds
        self._rung = False
        while not self._stopping.is_set() and not self._rung and (left := deadline - time.monotonic()) > 0:
            heard = self._listener.poll(left)
            self._rung = bool(heard)
            if any(spec_of(each.payload.rpartition(" ")[2]).needs_evidence for each in heard):
                self._evidence_needed.set()

    def _wait_for_need(self, seconds: float) -> None:
        """Returns when evidence may be needed, or after *seconds*."""
        self._evidence_needed.wait(seconds)
        self._evidence_needed.clear()

    def _gather(self) -> None:
        reconcile_if_due()
        for command in context.controller().awaiting_evidence(MOST_AT_ONCE):
            gather_for(context.controller(), command.id)
