"""The worker's own clock, in threads of its main process: heartbeat, sweep and retries. They need no Redis.

The sweep is what makes a lost message harmless: it finishes whatever is pending, whether its doorbell came or not.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from bot import heartbeat
from bot.errors import PitbossError
from bot.states import NEEDS_EVIDENCE
from worker import context
from worker.tasks import gather_for, reconcile_if_due

#: How often pending commands are looked for, in seconds.
SWEEP_SEC = 1.0
#: How often a due reconciliation, or a command that waits for Alpaca's word, is looked for, in seconds.
EVIDENCE_SEC = 1.0

log = logging.getLogger(__name__)


class Pulse:
    """Three threads, so that a slow Alpaca delays neither the heartbeat nor the sweep."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stopping = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    def start_heartbeat(self) -> None:
        self._every("heartbeat", heartbeat.INTERVAL_SEC, self._beat)

    def start_sweep(self) -> None:
        self._every("sweep", SWEEP_SEC, self._sweep)
        self._every("evidence", EVIDENCE_SEC, self._gather)

    def stop(self) -> None:
        """Stop all threads, and take the worker's row away."""
        self._stopping.set()
        for thread in self._threads.values():
            thread.join(timeout=1)
        try:
            context.database().run(lambda session: heartbeat.leave(session, self._name))
        except PitbossError:
            log.warning("could not sign off; the worker shows as offline in a few seconds")

    def _every(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        if name in self._threads:
            return
        thread = threading.Thread(target=self._repeat, args=(name, seconds, work), name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def _repeat(self, name: str, seconds: float, work: Callable[[], None]) -> None:
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
            self._stopping.wait(seconds)

    def _beat(self) -> None:
        context.database().run(lambda session: heartbeat.beat(session, self._name))

    def _sweep(self) -> None:
        controller = context.controller()
        if any(command.kind not in NEEDS_EVIDENCE for command in controller.pending()):
            controller.apply()

    def _gather(self) -> None:
        reconcile_if_due()
        for command in context.controller().pending():
            if command.kind in NEEDS_EVIDENCE:
                gather_for(context.controller(), command.id)
