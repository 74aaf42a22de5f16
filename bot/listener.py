"""Hears what Postgres notifies: one connection and one thread for a whole process."""

from __future__ import annotations

import logging
import select
import threading
from collections.abc import Callable

import psycopg2
from psycopg2.extensions import connection as PgConnection

from bot.settings import Settings

#: A command was accepted or finished; the payload is ``<id> <status>``.
COMMANDS = "pitboss_commands"
#: Something that a status shows has changed; the payload is the table's name.
CHANGES = "pitboss_changes"

#: Longest time between two looks at the connection, in seconds.
_TICK_SEC = 1.0
_RECONNECT_SEC = 0.5

log = logging.getLogger(__name__)


class Listener:
    """Calls back with ``(channel, payload)`` for every notification, and with ``("", "")`` when some may have been
    lost because the connection was away. Callbacks run in the listener's thread and must be quick."""

    def __init__(self, settings: Settings, heard: Callable[[str, str], None]) -> None:
        url = settings.database.set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                connection = self._connect()
                try:
                    self._heard("", "")
                    while not self._stop.is_set():
                        self._wait(connection)
                finally:
                    connection.close()
            except (psycopg2.Error, OSError, ValueError) as error:
                log.debug("listener lost its connection: %s", error)
                self._stop.wait(_RECONNECT_SEC)

    def _connect(self) -> PgConnection:
        connection = psycopg2.connect(
            self._dsn,
            connect_timeout=2,
            application_name="pitboss-listener",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {COMMANDS}; LISTEN {CHANGES}")
        return connection

    def _wait(self, connection: PgConnection) -> None:
        poll = select.poll()  # select() cannot watch a descriptor above 1023
        poll.register(connection, select.POLLIN)
        if not poll.poll(_TICK_SEC * 1000):
            return
        connection.poll()
        while connection.notifies:
            notice = connection.notifies.pop(0)
            self._heard(notice.channel, notice.payload)
