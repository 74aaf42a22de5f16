"""What a worker does besides its tasks, in threads of its main process: heartbeat, sweep, retries. They need no Redis.

The sweep makes a lost message harmless: it finishes whatever is pending, whether the command's message came or not.
"""

from __future__ import annotations

import logging
import threading
import time

from bot.access import daily_head
from bot.access.daily_head import DailyHead
from bot.alerts import conditions, delivery, destinations
from bot.alerts.conditions import ConditionMonitor
from bot.alerts.delivery import AlertDelivery
from bot.alerts.destinations import DestinationDelivery
from bot.errors import PitbossError
from bot.flattening import process, suspension
from bot.flattening.process import Flattener
from bot.flattening.suspension import Suspender
from bot.reconciliation import equity, retention
from bot.runtime import liveness_file
from bot.runtime.threads import Threads
from bot.states import spec_of
from bot.status import heartbeat
from bot.storage.notifications import QUEUED, Listener
from worker import consumer, context

#: How often pending commands are looked for, in seconds.
SWEEP_SEC = 1.0
#: How often a due reconciliation, or a command that waits for evidence from Alpaca, is looked for, in seconds.
EVIDENCE_SEC = 1.0

#: Commands that evidence is gathered for in a row, before it is looked what else is due.
MOST_AT_ONCE = 20

#: How long the threads may take to end what they have in hand when the worker is stopped, in seconds: a reconciliation that is under
#: way may be made for an operator's command.
FINISH_SEC = 5.0

log = logging.getLogger(__name__)


class Background:
    """Each job has its own thread, so that a slow Alpaca or a slow receiver of alerts delays neither heartbeat nor sweep."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads = Threads()
        #: Learns from Postgres that a command was accepted, which is faster than its message.
        self._listener = Listener(context.settings(), QUEUED)
        self._notified = False
        self._evidence_needed = threading.Event()

    def start_heartbeat(self) -> None:
        self._threads.repeat("heartbeat", heartbeat.INTERVAL_SEC, self._beat)
        database, settings = context.database(), context.settings()
        self._threads.repeat("conditions", conditions.LOOK_SEC, ConditionMonitor(database, settings).check)
        self._threads.repeat("alerts", delivery.LOOK_SEC, AlertDelivery(database, settings).run)
        for address in settings.alert_addresses:
            telling = DestinationDelivery(database, settings, address)
            self._threads.repeat(f"alerts to {address.name}", destinations.LOOK_SEC, telling.run)
        self._threads.repeat("daily head", daily_head.LOOK_SEC, DailyHead(database, settings).check)
        self._threads.repeat("flatten", process.LOOK_SEC, Flattener(database, settings, is_worker=True).run)
        self._threads.repeat("reports", retention.LOOK_SEC, self._thin_out)
        self._threads.repeat(
            "suspension", suspension.LOOK_SEC, Suspender(database, settings, is_worker=True).run
        )

    def start_sweep(self) -> None:
        self._threads.repeat("sweep", 0, self._sweep, wake=self._listener.wake)
        self._threads.repeat("evidence", 0, self._gather, wake=self._evidence_needed.set)

    def stop(self) -> None:
        """Stop all threads, and take the worker's row away."""
        if self._threads.stop(FINISH_SEC):
            self._listener.close()
        try:
            context.database().run(lambda session: heartbeat.leave(session, self._name))
        except PitbossError:
            log.warning("could not sign off; the worker shows as offline in a few seconds")

    def _beat(self) -> None:
        # before the row: a worker whose database is away lives, and is no better for being started again
        liveness_file.touch(context.settings().alive_file)
        trouble = consumer.trouble()
        context.database().batched(lambda batch: heartbeat.beat(batch, self._name, trouble))

    def _thin_out(self) -> None:
        context.database().run(retention.thin_out)
        context.database().run(equity.thin_out)

    def _sweep(self) -> None:
        """Finish the pending commands, then wait until another one may have been accepted, or for SWEEP_SEC."""
        context.controller().apply(look_first=not self._notified)
        deadline = time.monotonic() + SWEEP_SEC
        self._notified = False
        while (
            not self._threads.are_stopping
            and not self._notified
            and (left := deadline - time.monotonic()) > 0
        ):
            heard = self._listener.poll(left)
            self._notified = bool(heard)
            if any(spec_of(each.payload.rpartition(" ")[2]).needs_evidence for each in heard):
                self._evidence_needed.set()

    def _gather(self) -> None:
        """Gather the evidence that is needed now, then wait until more may be needed, or for EVIDENCE_SEC."""
        if context.evidence().is_needed():
            context.evidence().reconcile_if_due()
            for command in context.controller().awaiting_evidence(MOST_AT_ONCE):
                context.evidence().gather_for(command.id)
        self._evidence_needed.wait(EVIDENCE_SEC)
        self._evidence_needed.clear()
