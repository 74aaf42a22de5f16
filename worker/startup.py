"""What a worker does before it takes its first message, and while it ends.

The handler of ``worker_ready`` runs synchronously: no message is fetched before it returns (Celery 5.7, measured). An
exception in it would be swallowed and let messages in, so nothing is left to chance there.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state as worker_state

from bot import heartbeat
from bot.errors import PitbossError
from worker import context
from worker.pulse import Pulse
from worker.tasks import reconcile_if_due

#: Wait before Postgres is tried again at the start, in seconds.
RETRY_SEC = 2.0

log = logging.getLogger(__name__)
_pulse: Pulse | None = None
_ending = threading.Event()


@worker_ready.connect
def start(sender: Any = None, **_: Any) -> None:
    """Close the gate, restore the bot, reconcile once, then let commands in."""
    global _pulse
    name = f"{getattr(sender, 'hostname', 'worker')}:{os.getpid()}"
    while not _asked_to_end():
        try:
            controller, database = context.controller(), context.database()
            database.run(lambda session: heartbeat.start(session, name))
            controller.restore(actor=name)
            controller.apply_halts()
            _pulse = _pulse or Pulse(name)
            _pulse.start_heartbeat()
            reconcile_if_due(force=True)
            controller.apply()
            _pulse.start_sweep()
            return
        except PitbossError as error:
            log.error("the worker cannot start yet: %s", error)
        except Exception:
            log.exception("the worker cannot start yet")
        _ending.wait(RETRY_SEC)


@worker_shutting_down.connect
def end(**_: Any) -> None:
    """Let the pulse stop: the worker shows as offline at once."""
    _ending.set()
    if _pulse is not None:
        _pulse.stop()


def _asked_to_end() -> bool:
    return _ending.is_set() or any((worker_state.should_stop, worker_state.should_terminate))
