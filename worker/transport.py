"""Redis's queue as the worker reads it: what is no message is refused. kombu would let it end the worker.

Whoever reaches Redis can put anything into a list; the command log has to go on being delivered all the same.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

#: What kombu and Celery raise over what is no message: no text, no JSON, another shape, nested without an end. kombu takes
#: a KeyError for a lost connection, puts the message back and reads it again, without an end.
NO_MESSAGE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

log = logging.getLogger(__name__)


class Channel(redis.Channel):
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc] # the types leave it out
        except NO_MESSAGE as error:
            log.warning("refused what is no message: %s: %s", type(error).__name__, str(error)[:200])
            return True  # it was taken off the queue


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
