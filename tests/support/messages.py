"""Celery messages made by hand, past Pitboss's own publisher."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import redis
from celery import Celery
from kombu import Connection

#: What the API's messages carry in their header.
ANNOUNCEMENT = {"pitboss_doorbell": True}
#: What Pitboss's own app sends to a queue of its own.
HALTING = ("kill", "stop", "pause")


class Messages:
    """One Redis, and the queue that the worker reads."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._celery = Celery("tests", broker=redis_url, set_as_current=False)

    def send(
        self,
        kind: str,
        *args: Any,
        task_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> str:
        """Send the task ``bot.<kind>``, as Celery's command line does. Returns the task's id."""
        task_id = task_id or str(uuid4())
        # as Pitboss's own app adds it; where a test has loaded that app in this process, it would add it to what is sent by
        # ``send_task`` here, too
        added = {"pitboss_sent_at": time.time()} if headers is None else headers
        message = self._celery.amqp.as_task_v2(task_id, f"bot.{kind}", args, kwargs, ignore_result=True)
        with self._celery.connection_for_write() as connection, connection.Producer() as producer:
            producer.publish(
                message.body,
                routing_key="halts" if kind in HALTING else "celery",
                serializer="json",
                headers={**message.headers, **added},
                **message.properties,
            )
        return task_id

    def announce(self, kind: str, command_id: str) -> None:
        """The message that the API sends for a command."""
        self.send(kind, task_id=command_id, headers=ANNOUNCEMENT)

    def raw(self, body: bytes | str, **properties: Any) -> None:
        """Put anything at all into the queue."""
        with Connection(self._url) as connection:
            producer = connection.Producer(routing_key="celery")
            producer.publish(body, **properties)

    def waiting(self) -> int:
        """How many messages wait."""
        with redis.Redis.from_url(self._url) as client:
            return int(client.llen("celery")) + int(client.llen("halts"))

    def lose(self) -> None:
        """Let Redis lose all its data."""
        with redis.Redis.from_url(self._url) as client:
            client.flushall()
