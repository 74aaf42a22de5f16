"""The worker's consumer: without mingle and gossip (the command line's --without-mingle --without-gossip), careful with
messages that Celery cannot read as a task, and patient with a Redis that refuses."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from celery.worker import consumer, state
from redis.exceptions import ResponseError

from worker import transport

#: Wait before a Redis that answers and refuses is tried again, in seconds. One that is gone has Celery's own pauses.
REFUSED_SEC = 2.0

log = logging.getLogger(__name__)
_of_process: Consumer | None = None


def trouble() -> str | None:
    """That of this process's consumer; None without one."""
    return None if _of_process is None else _of_process.trouble()


class Consumer(consumer.Consumer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # leaving the steps out would not do: Tasks requires Mingle and brings it back
        super().__init__(*args, **{**kwargs, "without_mingle": True, "without_gossip": True})
        global _of_process
        _of_process = self

    def trouble(self) -> str | None:
        """Why this worker would not take a message that waits, though all is well with the queue: somebody told it not to,
        with Celery's remote control, which answers that with OK and says it nowhere."""
        if not getattr(self.pool, "num_processes", 1):
            return "its pool was shrunk to no process"
        reader: Any = getattr(self, "task_consumer", None)
        if reader is None:  # it has no connection, which is another trouble
            return None
        unread = sorted(self.app.amqp.queues.keys() - {queue.name for queue in reader.queues})
        return f"it was told not to read {', '.join(unread)}" if unread else None

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Celery's handler of a message. It refuses most of what is wrong; the rest would end the worker."""
        handle = super().create_task_handler(*args, **kwargs)

        def carefully(message: Any) -> None:
            if isinstance(message.headers, dict):
                # time limits are ours to set; and one that is no time would fail when the pool's only place is taken
                message.headers.pop("timelimit", None)
            try:
                handle(message)
            except transport.NO_MESSAGE as error:
                log.warning("refused a message: %s: %s", type(error).__name__, str(error)[:200])
                if not message.acknowledged:
                    message.reject_log_error(log, self.connection_errors)  # type: ignore[attr-defined]

        return carefully

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        super().on_connection_error_after_connected(exc)
        if isinstance(exc, ResponseError):
            log.warning("the queue refuses: %s; it is tried again every %.0f s", exc, REFUSED_SEC)
            _pause()

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        super().on_connection_error_before_connected(exc)
        if isinstance(exc, ResponseError):
            _pause()


def _pause() -> None:
    """Wait, unless the worker is to end."""
    deadline = time.monotonic() + REFUSED_SEC
    while time.monotonic() < deadline:
        state.maybe_shutdown()
        time.sleep(0.1)
