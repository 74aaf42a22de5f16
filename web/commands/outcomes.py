"""Waits for outcomes of commands, and applies or ends commands that must not wait for a worker.

One Listener for the whole process wakes the requests that wait for an outcome. Another thread ends expired commands and applies
a stop or a pause that no worker applied in time, so that these promises hold without a worker, without Redis, and without the
client that asked.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from bot.commands.controller import Controller
from bot.errors import DatabaseUnavailable
from bot.models import BotCommand
from bot.runtime.threads import Threads
from bot.settings.settings import Settings
from bot.states import BotState, CommandStatus, Mode
from bot.storage.notifications import ACCESS, CHANGES, FINISHED, LOST, QUEUED, Listener

#: How often overdue commands are looked for, in seconds: after a command came in, and when none has for BUSY_SEC. The second is no
#: longer than it takes a stop or a pause to be overdue: the first look after it came in is never the late one.
OVERDUE_SEC, OVERDUE_IDLE_SEC = 0.2, 1.0
#: Longer than any command lives that has a time limit.
BUSY_SEC = 60.0
#: How long the listener waits at a time, in seconds; a notification ends the wait at once.
HEAR_SEC = 5.0
#: How often a waiting request reads its row even without a notification, in seconds.
LOOK_SEC = 0.5


class Expectation:
    """One request's wait for the outcome of a command."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._applied: Applied | None = None

    def set(self, applied: Applied | None = None) -> None:
        """The command may be finished; *applied* says how, if it was."""
        self._applied = applied or self._applied
        self._event.set()

    def wait(self, seconds: float) -> Applied | None:
        """Wait until the command may be finished, or for *seconds*; how it was applied, if that is known."""
        self._event.wait(seconds)
        self._event.clear()
        return self._applied


@dataclass(frozen=True)
class Applied:
    """Postgres's notification of an applied command, which is sent at the commit."""

    revision: int
    to_state: BotState
    mode: Mode

    @classmethod
    def parse(cls, words: list[str]) -> Applied | None:
        """Read ``<status> <revision> <to_state> <mode>``; None for a command that was not applied, or that has a status of a newer
        release."""
        if len(words) != 4 or words[0] != CommandStatus.APPLIED:
            return None
        try:
            return cls(int(words[1]), BotState(words[2]), Mode(words[3]))
        except ValueError:
            return None

    def to(self, command: BotCommand) -> BotCommand:
        command.status, command.revision = CommandStatus.APPLIED, self.revision
        command.to_state, command.mode = self.to_state, self.mode
        return command


class OutcomeWaiter:
    """Waits for outcomes, and finishes overdue commands."""

    def __init__(self, controller: Controller, settings: Settings) -> None:
        """*controller* applies overdue commands."""
        self._controller = controller
        self._waiting: dict[str, list[Expectation]] = defaultdict(list)
        self._lock = threading.Lock()
        self._listener = Listener(settings, QUEUED, FINISHED, CHANGES, ACCESS)
        self._subscribers: list[Callable[[str, str], None]] = []
        self._busy_until = 0.0

    def start(self, threads: Threads) -> None:
        """Start the two threads."""
        threads.repeat("outcomes", 0, self._listen, wake=self._listener.wake)
        threads.repeat("overdue commands", self._pause_sec, self._controller.apply_overdue)

    def close(self) -> None:
        """Close the connection; the threads must have ended."""
        self._listener.close()

    def subscribe(self, heard: Callable[[str, str], None]) -> None:
        """Call *heard* with channel and payload of every notification; it must be quick."""
        self._subscribers.append(heard)

    @contextmanager
    def expect(self, command_id: UUID) -> Iterator[Expectation]:
        """What ``wait`` takes. Enter before the command can be finished."""
        key, expectation = str(command_id), Expectation()
        self._note_command()
        with self._lock:
            self._waiting[key].append(expectation)
        try:
            yield expectation
        finally:
            with self._lock:
                self._waiting[key].remove(expectation)
                if not self._waiting[key]:
                    del self._waiting[key]

    def wait(
        self, command: BotCommand, finished: Expectation, seconds: float, controller: Controller
    ) -> BotCommand:
        """The command as it is when it is finished, or after *seconds*; *controller* reads it. Of an applied one only the fields of
        ``Applied`` are certain to be current."""
        deadline = time.monotonic() + seconds
        while command.pending and (left := deadline - time.monotonic()) > 0:
            if applied := finished.wait(min(left, LOOK_SEC)):
                return applied.to(command)
            # the command is in the log, so an unreachable database is waited for like the outcome
            with suppress(DatabaseUnavailable):
                command = controller.find(command.id) or command
        return command

    def _listen(self) -> None:
        for notice in self._listener.poll(HEAR_SEC):
            self._heard(notice.channel, notice.payload)

    def _note_command(self) -> None:
        self._busy_until = time.monotonic() + BUSY_SEC

    def _pause_sec(self) -> float:
        return OVERDUE_SEC if time.monotonic() < self._busy_until else OVERDUE_IDLE_SEC

    def _heard(self, channel: str, payload: str) -> None:
        if channel in (QUEUED, FINISHED, LOST.channel):
            self._note_command()
        if channel == FINISHED:
            command_id, _, outcome = payload.partition(" ")
            self._wake(command_id, Applied.parse(outcome.split()))
        elif not channel:
            with self._lock:
                waiting = list(self._waiting)
            for command_id in waiting:
                self._wake(command_id)
        for heard in self._subscribers:
            heard(channel, payload)

    def _wake(self, command_id: str, applied: Applied | None = None) -> None:
        with self._lock:
            for expectation in self._waiting.get(command_id, ()):
                expectation.set(applied)
