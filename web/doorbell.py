"""Rings for the worker: one Celery message for each command that is in the log.

A thread of its own sends them, so that a Redis that is down, or that hangs, delays no request. A ring that is lost is
harmless: the worker sweeps the log.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from bot.states import CommandKind

#: Rings that may wait while Redis is away; more are dropped, the oldest first.
MAX_WAITING = 1_000
#: How often an idle doorbell looks whether Redis answers, in seconds.
CHECK_SEC = 3.0
#: Message header by which the worker knows that the command's row exists.
HEADER = "pitboss_doorbell"

log = logging.getLogger(__name__)


class Doorbell:
    """Sends the task ``bot.<kind>`` with the command's id as task id."""

    def __init__(self) -> None:
        self._celery = Celery("pitboss-doorbell", config_source="celeryconfig")
        # a publisher may time out; a worker that waits for messages may not
        self._celery.conf.broker_transport_options = {
            **self._celery.conf.broker_transport_options,
            "socket_connect_timeout": 1,
            "socket_timeout": 2,
        }
        self._waiting: queue.Queue[tuple[CommandKind, UUID]] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._send_all, name="doorbell", daemon=True)
        self._works = True

    def start(self) -> None:
        self._thread.start()

    def ring(self, kind: CommandKind, command_id: UUID) -> None:
        """Tell the worker that the command is in the log. Never waits and never fails."""
        while True:
            try:
                self._waiting.put_nowait((kind, command_id))
                return
            except queue.Full:
                try:
                    self._waiting.get_nowait()
                except queue.Empty:
                    continue

    def works(self) -> bool:
        """Whether Redis answered when it was last tried, a few seconds ago at most."""
        return self._works

    def _send_all(self) -> None:
        while True:
            try:
                kind, command_id = self._waiting.get(timeout=CHECK_SEC)
            except queue.Empty:
                self._try(self._ping)
            else:
                self._try(self._send, kind, command_id)

    def _try(self, call: Callable[..., None], *args: Any) -> None:
        try:
            call(*args)
            if not self._works:
                log.info("Redis takes messages again")
            self._works = True
        except (KombuError, RedisError, OSError) as error:
            if self._works:
                log.warning("Redis does not take messages (%s); the worker's sweep delivers meanwhile", error)
            self._works = False
        except Exception:
            log.exception("the doorbell failed and goes on")

    def _ping(self) -> None:
        with self._celery.connection_for_write() as connection:
            connection.default_channel.client.ping()  # type: ignore[attr-defined]

    def _send(self, kind: CommandKind, command_id: UUID) -> None:
        self._celery.send_task(
            f"bot.{kind}",
            task_id=str(command_id),
            headers={HEADER: True},
            # the outcome is in the row; without a result the publisher need not subscribe to one
            ignore_result=True,
            retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.1},
        )
