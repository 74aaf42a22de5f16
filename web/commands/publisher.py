"""Announces commands to the worker: sends one Celery message for each command that is in the log.

A thread of its own sends them, so that a queue that is down, or that hangs, delays no request. A message is a doorbell, no more: a lost one is harmless,
since the worker sweeps the log.
"""

from __future__ import annotations

import json
import logging
import queue
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from amqp.exceptions import AMQPError
from celery import Celery
from kombu import Connection, Producer
from kombu.exceptions import KombuError
from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from bot.models import BotCommand
from bot.runtime.threads import Threads
from bot.settings import queue as queues
from bot.settings.settings import Settings
from bot.states import COMMANDS, CommandKind
from web.commands.transport import TRANSPORTS

#: The most messages that wait while the queue cannot be reached; beyond that the oldest are dropped.
MAX_WAITING = 1_000
#: How often an idle publisher checks whether the queue takes messages, in seconds.
CHECK_SEC = 3.0
#: Where it sends a message to find that out. Nobody reads it.
CHECK_QUEUE = "pitboss-check"
#: How much of a command's parameters its message shows, in characters.
SHOWN = 500
_LOST = (KombuError, RedisError, AMQPError, OSError)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Announcement:
    """The command that one message announces."""

    kind: CommandKind
    command_id: UUID
    actor: str
    params: dict[str, Any]


class Publisher:
    """Sends the task ``bot.<kind>`` with the command's id as task id."""

    def __init__(self, settings: Settings) -> None:
        self._celery = Celery("pitboss-publisher", config_source="celeryconfig")
        self._kind = queues.messages(settings).kind
        self._celery.conf.broker_transport_options = {
            **self._celery.conf.broker_transport_options,
            **queues.publisher_options(self._kind),
        }
        self._line: Connection | None = None
        self._sender: Producer | None = None
        self._waiting: queue.Queue[tuple[Announcement, Context] | None] = queue.Queue(MAX_WAITING)
        self._trouble: str | None = None

    def start(self, threads: Threads) -> None:
        """Start the thread."""
        threads.repeat("publisher", 0, self._send_next, wake=self._wake)

    def publish(self, command: BotCommand) -> None:
        """Announce to the worker that *command* is in the log. Never waits and never fails."""
        announcement = Announcement(command.kind, command.id, command.actor, dict(command.params))
        self._put((announcement, copy_context()))

    def _put(self, what: tuple[Announcement, Context] | None) -> None:
        while True:
            try:
                self._waiting.put_nowait(what)
                return
            except queue.Full:
                try:
                    self._waiting.get_nowait()
                except queue.Empty:
                    continue

    def trouble(self) -> str | None:
        """Why the queue did not take the last message, which is at most a few seconds old; None if it did."""
        return self._trouble

    def _wake(self) -> None:
        self._put(None)

    def _send_next(self) -> None:
        try:
            waiting = self._waiting.get(timeout=CHECK_SEC)
        except queue.Empty:
            self._try(self._check)
            return
        if waiting is not None:
            announcement, asking = waiting
            # these log lines have the request's fields as well
            asking.run(self._try, self._send, announcement)

    def _try(self, call: Callable[..., None], *args: Any) -> None:
        try:
            call(*args)
            if self._trouble is not None:
                log.info("the queue takes messages again")
            self._trouble = None
        except _LOST as error:
            if self._trouble is None:
                log.warning(
                    "the queue does not take messages (%s); the worker's sweep delivers meanwhile", error
                )
            self._trouble = _described(error)
            self._hang_up()
        except Exception:
            log.exception("the publisher failed and goes on")
            self._hang_up()

    def _connection(self) -> Connection:
        """One connection for all messages: it is used often enough to stay open, and need not be opened every few seconds."""
        if self._line is None:
            self._line = self._celery.connection_for_write(transport=TRANSPORTS.get(self._kind))
        # otherwise kombu opens the connection itself and retries for ever
        self._line.ensure_connection(max_retries=1, interval_start=0, interval_max=0)
        return self._line

    def _producer(self) -> Producer:
        if self._sender is None:
            producer = self._celery.amqp.Producer(self._connection(), auto_declare=False)
            for name in (queues.HALTS_QUEUE, queues.DEFAULT_QUEUE):
                producer.maybe_declare(self._celery.amqp.queues[name])
            self._sender = producer
        return self._sender

    def _hang_up(self) -> None:
        line, self._line, self._sender = self._line, None, None
        if line is not None:
            with suppress(Exception):
                line.close()

    def _check(self) -> None:
        """Send a message that nobody reads: a queue that answers may still not accept writes."""
        producer = self._producer()
        producer.publish(b"", exchange="", routing_key=CHECK_QUEUE, delivery_mode=1)
        if self._kind is not queues.Kind.RABBITMQ:  # RabbitMQ drops messages for a queue that does not exist
            producer.channel.queue_purge(CHECK_QUEUE)  # type: ignore[union-attr]

    def _send(self, announcement: Announcement) -> None:
        try:
            self._publish(announcement)
        except _LOST:
            self._hang_up()  # the connection may have died since it was used last
            self._publish(announcement)
        named = {"command_id": str(announcement.command_id), "kind": announcement.kind}
        log.info("published %s", announcement.kind, extra=named)

    def _publish(self, announcement: Announcement) -> None:
        """Put Celery's own message directly into the queue: ``send_task`` would declare the queue and look up its route for each,
        which takes half as long again."""
        producer = self._producer()
        message = self._celery.amqp.create_task_message(
            str(announcement.command_id),
            f"bot.{announcement.kind}",
            # the outcome is in the row; without a result nobody need subscribe to one
            ignore_result=True,
            # what Flower shows; what counts is the row
            argsrepr=announcement.actor,
            kwargsrepr=json.dumps(announcement.params, ensure_ascii=False)[:SHOWN],
        )
        producer.publish(
            message.body,
            exchange="",
            routing_key=queues.HALTS_QUEUE if COMMANDS[announcement.kind].safer else queues.DEFAULT_QUEUE,
            serializer="json",
            delivery_mode=2,
            headers=message.headers | {queues.ANNOUNCEMENT: True},
            **message.properties,
        )


def _described(error: Exception) -> str:
    """What is wrong with the queue: it rejects messages, or cannot be reached."""
    said = error if error.__cause__ is None else error.__cause__
    if isinstance(said, ResponseError | BusyLoadingError):
        return f"refuses messages ({str(said).rstrip('.')})"
    return "unreachable"
