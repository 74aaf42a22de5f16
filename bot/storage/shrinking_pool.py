"""A pool of connections that gets smaller again: each connection is a process of Postgres, with 3 MiB of its own.

SQLAlchemy's keeps as many as were ever used at once, which threads that begin together make many, for as long as its process lives.
"""

from __future__ import annotations

from time import monotonic

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

#: How long a connection may idle, in seconds. Looks that are taken each second or so need a second connection now and then: with a
#: minute, it stayed for good.
IDLE_SEC = 20.0

_SINCE = "pitboss_idle_since"


class ShrinkingPool(QueuePool):
    """Give it ``pool_use_lifo``: then those that are not needed come to idle. Whenever a connection is given back, the one that has
    idled longest is closed, if that was for too long."""

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.info[_SINCE] = monotonic()
        super()._do_return_conn(record)
        with self._pool.mutex:  # type: ignore[attr-defined] # of the queue that it has
            waiting = self._pool.queue  # type: ignore[attr-defined]
            if len(waiting) < 2 or waiting[0].info.get(_SINCE, 0.0) > monotonic() - IDLE_SEC:
                return
            idle = waiting.popleft()
        try:
            idle.close()
        finally:
            self._dec_overflow()
