"""Server-sent events: the status at once, then one with every change.

The status is read once for each change and process, whatever the number of streams: a separate thread waits for Postgres's
notifications, lets a burst settle, reads, and ``web.streaming.socket_writer`` writes the same bytes to all streams. There is no
notification when a worker falls silent or the market opens or closes, so it also reads every few seconds while there are streams.

Events:
    ``status``       what GET /status answers. Its id is the time at which it was read.
    ``pulse``        nothing has changed: the time and the worker's heartbeat, for ages that are shown.
    ``unavailable``  the status cannot be read; ``{"error", "code"}``.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from bot.errors import PitbossError
from bot.models import BotConfig
from bot.runtime.periodic import Periodic
from bot.storage.notifications import ACCESS, CHANGES
from web.commands.outcomes import OutcomeWaiter
from web.http.places import Places
from web.schemas.status import StatusOut
from web.streaming.detached_response import StreamResponse
from web.streaming.socket_writer import Streams

#: The most streams of one process, and of one actor among them; a further one is asked to try again later. The last ones are
#: reserved for operators.
MOST_STREAMS = 500
MOST_OF_ONE = 250
FOR_OPERATORS = 50
#: How long to wait for a burst of notifications to end before the status is read, in seconds.
SETTLE_SEC = 0.03
#: Least time between two statuses, in seconds: changes in between are in the later one.
GAP_SEC = 0.15
#: How often the status is read without notifications, in seconds.
REREAD_SEC = 3.0
#: How often a comment is sent to keep the connection alive, in seconds.
HEARTBEAT_SEC = 10.0
#: How long a browser waits before it connects again, in milliseconds.
RETRY_MS = 1_000


class Events:
    """All event streams of one process."""

    def __init__(self, read: Callable[[], StatusOut], outcomes: OutcomeWaiter) -> None:
        """*read* reads the status, or raises a PitbossError."""
        self._read = read
        self._streams = Streams()
        self._places = Places(MOST_STREAMS, MOST_OF_ONE, FOR_OPERATORS)
        self._wake = threading.Event()
        self._heard_count = self._news_count = 0
        self._closing = threading.Event()
        self._loop = Periodic("events", GAP_SEC, self._send_news, stopping=self._closing)
        #: What the streams show, and how many notifications this includes.
        self._shown = ""
        self._seen_count = self._seen_news_count = 0
        self._beat_at = self._pulse_at = 0.0
        outcomes.subscribe(self._heard)

    def start(self) -> None:
        self._streams.start()
        self._loop.start()

    def close(self) -> None:
        """End all streams, and the threads, each within 2 s."""
        self._closing.set()
        self._wake.set()
        self._loop.join(2)
        self._streams.close()

    @property
    def count(self) -> int:
        """Streams that are open."""
        return self._streams.count

    def open(
        self, ends_at: float | None, actor: str = "", *, is_operator: bool = False, owner: Any = None
    ) -> StreamResponse | None:
        """A new stream of *actor* as an answer; it ends at *ends_at*, or when *owner* is no longer admitted (see ``keep``). None if
        there are too many."""
        if not self._places.take(actor, preferred=is_operator):
            return None

        def take(sock: socket.socket, head: bytes) -> None:
            first = head + f"retry: {RETRY_MS}\n\n".encode()
            self._streams.add(sock, first, ends_at, lambda: self._places.give_back(actor), owner)
            self._wake.set()

        response = StreamResponse(take, mimetype="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would keep events back
        return response

    def keep(self, admits: Callable[[Any], bool]) -> None:
        """End every stream whose owner *admits* no longer admits."""
        self._streams.keep(admits)

    def _heard(self, channel: str, payload: str) -> None:
        if channel == ACCESS:
            return
        self._heard_count += 1
        if (channel, payload) != (CHANGES, BotConfig.__tablename__):
            # for the others, lists have changed even where the status has not
            self._news_count += 1
        if self.count:
            self._wake.set()

    # -- in the thread ----------------------------------------------------------------------------------------

    def _send_news(self) -> None:
        """Wait for a notification, or until the status has to be read again, and send what has changed."""
        self._wake.wait(REREAD_SEC)
        if self._seen_count != self._heard_count:
            time.sleep(SETTLE_SEC)
        self._wake.clear()
        self._seen_count, news = self._heard_count, self._news_count
        changed, self._seen_news_count = news != self._seen_news_count, news
        if not self.count:
            return
        is_due = time.monotonic() >= self._pulse_at
        if is_due:
            self._pulse_at = time.monotonic() + REREAD_SEC - GAP_SEC
        self._shown = self._publish(self._shown, changed, pulse=is_due)
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + HEARTBEAT_SEC
            self._streams.send(b": still here\n\n", skippable=True)

    def _publish(self, shown: str, changed: bool, pulse: bool) -> str:
        """Send the news; returns what the streams show then."""
        try:
            status = self._read()
        except PitbossError as error:
            body = json.dumps({"error": str(error), "code": error.code})
            self._streams.send(_event("unavailable", body), only_new=shown == body and not pulse)
            return body
        shows = status.model_dump_json(
            exclude={"as_of": True, "worker": {"last_seen_at"}, "reconciliation": {"age_sec"}}
        )
        body = status.model_dump_json(by_alias=True)
        as_of = body.rpartition('"asOf":"')[2].partition('"')[0]
        is_news = changed or shows != shown
        self._streams.send(_event("status", body, as_of), only_new=not is_news)
        if pulse and not is_news:
            data = {"asOf": as_of, "worker": status.worker.model_dump(mode="json", by_alias=True)}
            self._streams.send(_event("pulse", json.dumps(data)), skippable=True)
        return shows


def _event(name: str, data: str, event_id: str | None = None) -> bytes:
    first = f"id: {event_id}\n" if event_id else ""
    return f"{first}event: {name}\ndata: {data}\n\n".encode()
