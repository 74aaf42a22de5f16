"""Catches a process in the middle of a transaction that holds the bot's lock.

The lock is held for a moment, so that commands gather behind it; then their rows are held instead, and whoever gets
the lock next has to wait for them with the lock in its hand. That is where it is killed or frozen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection

#: How long commands may gather, and how long somebody is waited for, in seconds.
GATHER_SEC = 0.15
WAIT_SEC = 0.5

_WAITING = (
    "SELECT client_port FROM pg_stat_activity"
    " WHERE application_name = 'pitboss' AND wait_event_type = 'Lock' AND query ILIKE 'UPDATE bot_command%'"
)


def catch(
    url: str,
    pids: Iterable[int],
    strike: Callable[[int], None],
    gather: Callable[[], None],
    attempts: int = 8,
) -> int | None:
    """Call *strike* with the first of *pids* that waits with the lock in its hand; None if none did. *gather* has
    commands sent, without waiting for them."""
    wanted = set(pids)
    for _ in range(attempts):
        with suppress(psycopg2.Error), closing(_connect(url)) as lock, closing(_connect(url)) as rows:
            _execute(lock, "SELECT 1 FROM bot_config FOR UPDATE")
            gather()
            time.sleep(GATHER_SEC)
            _execute(rows, "SELECT 1 FROM bot_command WHERE status = 'queued' FOR UPDATE")
            lock.rollback()
            deadline = time.monotonic() + WAIT_SEC
            while time.monotonic() < deadline:
                ports = {port for (port,) in _execute(lock, _WAITING)}
                lock.rollback()
                for pid in filter(None, (_owner(wanted, port) for port in ports)):
                    strike(pid)
                    return pid
                time.sleep(0.01)
    return None


def _connect(url: str) -> Connection:
    return psycopg2.connect(url, connect_timeout=2, application_name="chaos")


def _execute(connection: Connection, sql: str) -> list[tuple[int]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _owner(pids: Iterable[int], port: int) -> int | None:
    """Which of *pids* has the local *port*."""
    for pid in pids:
        with suppress(psutil.Error):
            if any(each.laddr.port == port for each in psutil.Process(pid).net_connections("tcp")):
                return pid
    return None
