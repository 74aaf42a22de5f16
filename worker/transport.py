"""Redis's queue as the worker reads it: what is no message is refused. kombu would let it end the worker.

Whoever reaches Redis can put anything into a list; the command log has to go on being delivered all the same. And a Redis
that is out of memory still gives messages out: one that it cannot note as taken is not lost for that.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual
from redis.exceptions import ResponseError

from bot.runtime.one_client import OneClient

#: What kombu and Celery raise over what is no message: no text, no JSON, another shape, nested without an end. kombu takes
#: a KeyError for a lost connection, puts the message back and reads it again, without an end.
NO_MESSAGE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

log = logging.getLogger(__name__)


class QoS(redis.QoS):
    def append(self, message: Any, delivery_tag: str) -> None:
        """Note *message* as taken. It is off the queue already, so where Redis refuses the note (it is out of memory), it is
        kept in memory alone: only a worker that dies with it loses it."""
        try:
            super().append(message, delivery_tag)
        except ResponseError as error:
            log.warning("took a message that Redis cannot note as taken: %s", error)
            virtual.QoS.append(self, message, delivery_tag)


class Channel(OneClient, redis.Channel):
    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc] # the types leave it out
        except NO_MESSAGE as error:
            log.warning("refused what is no message: %s: %s", type(error).__name__, str(error)[:200])
            return True  # it was taken off the queue

    def maybe_refresh_binding_expiry(self) -> None:
        # kombu would log a stack trace each second; web says what is wrong, and the queues are read all the same
        with suppress(ResponseError):
            super().maybe_refresh_binding_expiry()  # type: ignore[misc]


class SentinelChannel(Channel, redis.SentinelChannel):
    pass


class Transport(redis.Transport):
    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel


def install() -> None:
    """Have kombu use these for its Redis addresses."""
    TRANSPORT_ALIASES.update(
        redis=f"{__name__}:Transport",
        rediss=f"{__name__}:Transport",
        sentinel=f"{__name__}:SentinelTransport",
    )
