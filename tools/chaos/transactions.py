"""Catches a process in the middle of a transaction of its own, to be killed or frozen there.

The lock is held for a moment, so that commands gather behind it and processes behind them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from itertools import cycle

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection

#: How long commands may gather, and how long somebody is waited for, in seconds.
GATHER_SEC = 0.15
WAIT_SEC = 0.5

#: What a process waits for while it is in its transaction, and the step that it waits in.
_LOCK, _WRITE = "lock_bot_config", "finish_bot_command"
_steps = cycle((_LOCK, _WRITE))
_WAITING = (
    "SELECT client_port FROM pg_stat_activity"
    " WHERE application_name = 'pitboss' AND wait_event_type = 'Lock' AND query LIKE '%EXECUTE {step}%'"
)


def catch(
    url: str,
    pids: Iterable[int],
    strike: Callable[[int], None],
    gather: Callable[[], None],
    attempts: int = 8,
) -> int | None:
    """Call *strike* with the first of *pids* that waits in its transaction; None if none did. *gather* has commands sent,
    without waiting for them.

    In turn it waits for the lock, which Postgres then gives to it all the same, and for a row that it wants to finish: then
    its last message is sent, and Postgres commits.
    """
    wanted = set(pids)
    for _ in range(attempts):
        with suppress(psycopg2.Error), closing(_connect(url)) as lock, closing(_connect(url)) as rows:
            _execute(lock, "SELECT 1 FROM bot_config FOR UPDATE")
            gather()
            time.sleep(GATHER_SEC)
            step = next(_steps)
            if step == _WRITE:
                _execute(rows, "SELECT 1 FROM bot_command WHERE status = 'queued' FOR UPDATE")
                lock.rollback()
            with closing(_connect(url)) as looking:
                looking.autocommit = True
                if (pid := _first_that_waits(looking, step, wanted)) is not None:
                    strike(pid)
                    return pid
    return None


def _first_that_waits(looking: Connection, step: str, wanted: set[int]) -> int | None:
    deadline = time.monotonic() + WAIT_SEC
    while time.monotonic() < deadline:
        ports = {port for (port,) in _execute(looking, _WAITING.format(step=step))}
        for pid in filter(None, (_owner(wanted, port) for port in ports)):
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
