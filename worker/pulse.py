"""The worker's own clock, in threads of its main process: heartbeat, sweep and retries. They need no Redis.

The sweep is what makes a lost message harmless: it finishes whatever is pending, whether its doorbell came or not.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from bot import alive, courier, heartbeat, vigil
from bot.courier import Courier
from bot.errors import PitbossError
from bot.listener import Listener
from bot.states import NEEDS_EVIDENCE, CommandStatus
from bot.vigil import Vigil
from worker import context
from worker.tasks import gather_for, reconcile_if_due

#: How often pending commands are looked for, in seconds.
SWEEP_SEC = 1.0
#: How often a due reconciliation, or a command that waits for Alpaca's word, is looked for, in seconds.
EVIDENCE_SEC = 1.0

log = logging.getLogger(__name__)


class Pulse:
    """One thread for each, so that a slow Alpaca or a slow receiver of alerts delays neither the heartbeat nor the sweep."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stopping = threading.Event()
        #: Set when Postgres notifies of an accepted command: a second doorbell, faster than the first.
        self._rung = threading.Event()
        self._listener = Listener(context.settings(), self._heard)
        self._threads: dict[str, threading.Thread] = {}

    def start_heartbeat(self) -> None:
        self._every("heartbeat", heartbeat.INTERVAL_SEC, self._beat)
        database, settings = context.database(), context.settings()
        self._every("vigil", vigil.LOOK_SEC, Vigil(database, settings).look)
        self._every("courier", courier.LOOK_SEC, Courier(database, settings).run)

    def start_sweep(self) -> None:
        self._listener.start()
        self._every("sweep", SWEEP_SEC, self._sweep, self._rung)
        self._every("evidence", EVIDENCE_SEC, self._gather)

    def stop(self) -> None:
        """Stop all threads, and take the worker's row away."""
        self._stopping.set()
        self._rung.set()
        self._listener.stop()
        for thread in self._threads.values():
            thread.join(timeout=1)
        try:
            context.database().run(lambda session: heartbeat.leave(session, self._name))
        except PitbossError:
            log.warning("could not sign off; the worker shows as offline in a few seconds")

    def _heard(self, channel: str, payload: str) -> None:
        if payload.endswith(CommandStatus.QUEUED) or not channel:
            self._rung.set()

    def _every(
        self, name: str, seconds: float, work: Callable[[], object], rung: threading.Event | None = None
    ) -> None:
        if name in self._threads:
            return
        arguments = (name, seconds, work, rung or self._stopping)
        thread = threading.Thread(target=self._repeat, args=arguments, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def _repeat(self, name: str, seconds: float, work: Callable[[], object], rung: threading.Event) -> None:
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
            rung.wait(seconds)
            if rung is not self._stopping:
                rung.clear()

    def _beat(self) -> None:
        # before the row: a worker whose database is away lives, and is no better for being started again
        alive.touch(context.settings().alive_file)
        context.database().run(lambda session: heartbeat.beat(session, self._name))

    def _sweep(self) -> None:
        context.controller().apply()

    def _gather(self) -> None:
        reconcile_if_due()
        for command in context.controller().pending():
            if command.kind in NEEDS_EVIDENCE:
                gather_for(context.controller(), command.id)
