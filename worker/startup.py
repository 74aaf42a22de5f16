"""What a worker does before it takes its first message, and while it ends.

The handler of ``worker_ready`` runs synchronously: no message is fetched before it returns (Celery 5.7, measured). An
exception in it would be swallowed and let messages in, so nothing is left to chance there.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from celery.signals import worker_init, worker_ready, worker_shutting_down
from celery.worker import state as worker_state

from bot.errors import PitbossError
from worker import context

if TYPE_CHECKING:
    from worker.background import Background

#: Wait before Postgres is tried again at the start, in seconds.
RETRY_SEC = 2.0

#: A worker that is not ready by then starts without Redis, in seconds.
PATIENCE_SEC = 3.0

log = logging.getLogger(__name__)
_background: Background | None = None
_starting = threading.Lock()
_started = threading.Event()
_ending = threading.Event()


@worker_init.connect
def load(**_: Any) -> None:
    """Load what tasks and threads work with before the pool forks, so that its child shares it: memory that either of them writes
    to after that is there twice. What this process works with is made here, too; it connects when it is used."""
    from sqlalchemy.orm import configure_mappers

    import worker.background  # noqa: F401

    configure_mappers()
    context.evidence()
    gc.collect()
    gc.freeze()


@worker_init.connect
def start_without_redis(sender: Any = None, **_: Any) -> None:
    """``worker_ready`` waits for Redis. What the worker does without it should not."""
    timer = threading.Timer(PATIENCE_SEC, start, kwargs={"sender": sender})
    timer.daemon = True
    timer.start()


@worker_ready.connect
def start(sender: Any = None, **_: Any) -> None:
    """Close the gate, restore the bot, reconcile once, then let commands in. Once in a worker's life."""
    with _starting:
        if not _started.is_set():
            _start(f"{getattr(sender, 'hostname', None) or 'worker'}:{os.getpid()}")
            _started.set()


def _start(name: str) -> None:
    from bot.status import heartbeat  # see worker.context
    from worker.background import Background

    global _background
    while not _asked_to_end():
        try:
            controller, database = context.controller(), context.database()
            # the gate first: with a heartbeat before it, it would stand open on what an earlier worker found
            controller.restore(actor=name)
            database.batched(lambda batch: heartbeat.start(batch, name))
            controller.apply_halts()
            _background = _background or Background(name)
            _background.start_heartbeat()
            context.evidence().reconcile_if_due(force=True)
            controller.apply()
            _background.start_sweep()
            return
        except PitbossError as error:
            log.error("the worker cannot start yet: %s", error)
        except Exception:
            log.exception("the worker cannot start yet")
        _ending.wait(RETRY_SEC)


@worker_shutting_down.connect
def end(**_: Any) -> None:
    """Stop the background threads: the worker shows as offline at once."""
    _ending.set()
    if _background is not None:
        _background.stop()


def _asked_to_end() -> bool:
    return _ending.is_set() or any((worker_state.should_stop, worker_state.should_terminate))
