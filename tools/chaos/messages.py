"""Plays with the messages that wait in Redis: twice, in another order, or again long after."""

from __future__ import annotations

import json
import random
from uuid import uuid4

import redis

#: The queues, each a list with the oldest message at its right end.
QUEUES = ("halts", "celery")


class Messages:
    def __init__(self, url: str) -> None:
        self._url = url
        self._seen: list[bytes] = []

    def remember(self) -> None:
        """Keep what waits there, to be sent again later."""
        with redis.Redis.from_url(self._url, socket_timeout=5) as client:
            for queue in QUEUES:
                self._keep(client.lrange(queue, 0, -1))

    def shuffle(self, rng: random.Random) -> int:
        """Put all that waits there twice, in another order, and into any of the queues. Returns how many there are then."""
        with redis.Redis.from_url(self._url, socket_timeout=5) as client:
            waiting = [message for queue in QUEUES for message in client.lrange(queue, 0, -1)]
            client.delete(*QUEUES)
            self._keep(waiting)
            mixed = [*waiting, *map(_copy, waiting)]
            rng.shuffle(mixed)
            for message in mixed:
                client.lpush(rng.choice(QUEUES), message)
            return len(mixed)

    def replay(self, rng: random.Random, count: int) -> int:
        """Send messages of earlier again. Returns how many."""
        chosen = [_copy(message) for message in rng.sample(self._seen, min(count, len(self._seen)))]
        if chosen:
            with redis.Redis.from_url(self._url, socket_timeout=5) as client:
                client.lpush(rng.choice(QUEUES), *chosen)
        return len(chosen)

    def _keep(self, waiting: list[bytes]) -> None:
        self._seen = (self._seen + waiting)[-500:]


def _copy(message: bytes) -> bytes:
    """The same message under another delivery tag, as a publisher that was not sure sends it."""
    content = json.loads(message)
    content["properties"]["delivery_tag"] = str(uuid4())
    return json.dumps(content).encode()
