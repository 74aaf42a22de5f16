"""Reads the tables with plain SQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
import psycopg2.extras

from tools.chaos.history import Config, Flatten, Row

_ROWS = """
    SELECT id::text, seq, kind, params, source, reason, status, from_state, to_state, mode, revision, error_code,
           issued_at, expires_at, finished_at, sent_at
    FROM bot_command ORDER BY seq
"""
_CONFIG = """
    SELECT state, mode, enabled, killed_at IS NOT NULL AS killed, revision, max_concurrent_positions FROM bot_config
"""
_FLATTENS = "SELECT command_id::text, state, started_at, finished_at FROM bot_flatten ORDER BY started_at"


@dataclass(frozen=True)
class Tables:
    """The log, the one row of the bot, the flattens, and the database's time, all of one moment."""

    rows: Sequence[Row]
    config: Config
    flattens: Sequence[Flatten]
    read_at: datetime


def read(url: str) -> Tables:
    """What the tables hold now."""
    with closing(psycopg2.connect(url)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(_ROWS)
            rows = [Row(**row) for row in cursor.fetchall()]
            cursor.execute(_CONFIG)
            [config] = cursor.fetchall()
            cursor.execute(_FLATTENS)
            flattens = [Flatten(**row) for row in cursor.fetchall()]
            cursor.execute("SELECT clock_timestamp() AS now")
            [clock] = cursor.fetchall()
    return Tables(rows, Config(**config), flattens, clock["now"])


def query(url: str, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of one statement, on a connection of its own."""
    with closing(psycopg2.connect(url, connect_timeout=2)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return list(cursor.fetchall()) if cursor.description else []
