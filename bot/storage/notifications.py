"""Receives Postgres's notifications: one connection for a whole process."""

from __future__ import annotations

import logging
import select
import socket
from contextlib import suppress
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import connection as PgConnection

from bot.settings.settings import Settings

#: A command was accepted; the payload is ``<id> <kind>``.
QUEUED = "pitboss_queued"
#: A command was finished; the payload is ``<id> <status>`` and, when it was applied, ``<revision> <to_state> <mode>``.
FINISHED = "pitboss_finished"
#: Something that the status shows has changed; the payload is the table's name.
CHANGES = "pitboss_changes"
#: A token or a session has changed; the payload is the table's name.
ACCESS = "pitboss_access"

#: Wait before a lost connection is tried again, in seconds.
_RECONNECT_SEC = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notification:
    """One notification. Without a channel it says that some may have been lost, because the connection was away."""

    channel: str
    payload: str


LOST = Notification("", "")


class Listener:
    """One connection that receives notifications. One thread uses it; other threads may call ``wake``."""

    def __init__(self, settings: Settings, *channels: str) -> None:
        url = settings.database.set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self._listen = "; ".join(f"LISTEN {channel}" for channel in channels)
        self._connection: PgConnection | None = None
        self._waking: tuple[socket.socket, socket.socket] | None = None

    def poll(self, seconds: float) -> list[Notification]:
        """The notifications, as soon as there are any; none after *seconds* or a ``wake``."""
        try:
            if self._connection is None:
                self._connection = self._connect()
                return [LOST]
            if not self._wait(self._connection, seconds):
                return []
            self._connection.poll()
            notices = [Notification(each.channel, each.payload) for each in self._connection.notifies]
            self._connection.notifies.clear()
            return notices
        except (psycopg2.Error, OSError, ValueError) as error:
            log.debug("listener lost its connection: %s", error)
            self._hang_up()
            self._wait(None, min(seconds, _RECONNECT_SEC))
            return []

    def wake(self) -> None:
        """Let a waiting ``poll`` return."""
        if self._waking is not None:
            with suppress(BlockingIOError):  # it has enough to wake up to
                self._waking[1].send(b"w")

    def close(self) -> None:
        """Close the connection; no ``poll`` may be running."""
        self._hang_up()
        for each in self._waking or ():
            each.close()
        self._waking = None

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg2.Error):
                connection.close()

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
            cursor.execute(self._listen)
        return connection

    def _wait(self, connection: PgConnection | None, seconds: float) -> bool:
        """Whether *connection* has something to read."""
        if self._waking is None:
            self._waking = socket.socketpair()
            self._waking[1].setblocking(False)
        woken, _ = self._waking
        poll = select.poll()  # select() cannot watch a descriptor above 1023
        poll.register(woken, select.POLLIN)
        if connection is not None:
            poll.register(connection, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(seconds * 1000)]
        if woken.fileno() in ready:
            woken.recv(4096)
        return connection is not None and connection.fileno() in ready
