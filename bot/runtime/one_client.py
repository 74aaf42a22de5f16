"""One client of the queue's server for a channel of kombu's, which would make a new one for each message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OneClient:
    """To be mixed into a Redis channel. Its one client lasts as long as the channel's connections do."""

    _kept: Any = None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """A client for commands that are answered at once. kombu makes one for each of them, two a message, which costs more than the
        command; they have no state of their own, and take their connection from the channel's pool each time."""
        channel: Any = self
        if client is None:
            if self._kept is None or self._kept.connection_pool is not channel.pool:
                self._kept = channel._create_client()
            client = self._kept
        yield client
