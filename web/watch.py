"""What a web process does beside its requests: it hears of outcomes, and tends commands that may not wait.

One Listener for the whole process wakes the requests that wait for an outcome. A thread of its own ends what has
expired and applies a stop or a pause that no worker applied in time, so that these promises hold without a worker,
without Redis, and without the client that asked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from bot.controller import Controller
from bot.errors import DatabaseUnavailable, PitbossError
from bot.listener import COMMANDS, Listener
from bot.models import BotCommand
from bot.settings import Settings
from bot.states import CommandStatus

#: How often late commands are looked for, in seconds.
TEND_SEC = 0.2
#: A waiting request looks at its row this often even when nothing is heard, in seconds.
LOOK_SEC = 0.5

log = logging.getLogger(__name__)


class Watch:
    """Waits for outcomes, and keeps the promises that have a time limit."""

    def __init__(self, controller: Controller, settings: Settings) -> None:
        self._controller = controller
        self._waiting: dict[str, list[threading.Event]] = defaultdict(list)
        self._lock = threading.Lock()
        self._listener = Listener(settings, self._heard)
        self._subscribers: list[Callable[[str, str], None]] = []
        self._thread = threading.Thread(target=self._tend, name="tend", daemon=True)

    def start(self) -> None:
        self._listener.start()
        self._thread.start()

    def subscribe(self, heard: Callable[[str, str], None]) -> None:
        """Have *heard* called with channel and payload of every notification; it must be quick."""
        self._subscribers.append(heard)

    @contextmanager
    def expect(self, command_id: UUID) -> Iterator[threading.Event]:
        """An event that is set when the command may be finished. Enter before the command can be."""
        key, event = str(command_id), threading.Event()
        with self._lock:
            self._waiting[key].append(event)
        try:
            yield event
        finally:
            with self._lock:
                self._waiting[key].remove(event)
                if not self._waiting[key]:
                    del self._waiting[key]

    def wait(self, command: BotCommand, finished: threading.Event, seconds: float) -> BotCommand:
        """The command as it is when it is finished, or after *seconds*."""
        deadline = time.monotonic() + seconds
        while command.pending and (left := deadline - time.monotonic()) > 0:
            finished.wait(min(left, LOOK_SEC))
            finished.clear()
            # the command is in the log, so a database that goes away is waited for as the outcome is
            with suppress(DatabaseUnavailable):
                command = self._controller.find(command.id) or command
        return command

    def _heard(self, channel: str, payload: str) -> None:
        if channel == COMMANDS:
            command_id, _, status = payload.partition(" ")
            if status != CommandStatus.QUEUED:
                self._wake(command_id)
        elif not channel:
            self._wake(None)
        for heard in self._subscribers:
            heard(channel, payload)

    def _wake(self, command_id: str | None) -> None:
        with self._lock:
            keys = list(self._waiting) if command_id is None else [command_id]
            for key in keys:
                for event in self._waiting.get(key, ()):
                    event.set()

    def _tend(self) -> None:
        away = False
        while True:
            time.sleep(TEND_SEC)
            try:
                self._controller.tend()
                away = False
            except PitbossError as error:
                if not away:
                    log.warning("late commands cannot be tended: %s", error)
                away = True
            except Exception:
                log.exception("tending late commands failed and goes on")
