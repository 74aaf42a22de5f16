"""Stores a command in the log, publishes its message and waits for its outcome. No answer says "done" before the commit."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from uuid import UUID

from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.errors import OutcomeUnknown
from bot.models import BotCommand
from bot.runtime import logs
from bot.states import COMMANDS, CommandKind
from web.commands.outcomes import Expectation, OutcomeWaiter
from web.commands.publisher import Publisher
from web.http.places import Places

#: How long a request waits for the outcome unless it says otherwise, and at most; in seconds.
WAIT_SEC, WAIT_MOST_SEC = 2.0, 10.0
#: Requests of one process that may wait for an outcome at once, and of one actor among them: each holds a thread. Beyond,
#: the answer is 202 at once.
MOST_WAITING, MOST_OF_ONE = 40, 16
#: The same for a stop or a pause, which has threads of its own: half of them are left to kills.
MOST_WAITING_IN_LANE = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Preference:
    """The ``Prefer`` header (RFC 7240): how long to wait, and which part of it was applied."""

    wait_sec: float = WAIT_SEC
    applied: str | None = None

    @classmethod
    def parse(cls, header: str | None) -> Preference:
        """Read ``Prefer: wait=N`` or ``Prefer: respond-async``; anything else is ignored, as the RFC says."""
        if not header:
            return cls()
        if re.search(r"(?:^|[,\s])respond-async(?:$|[,;\s])", header, re.IGNORECASE):
            return cls(0.0, "respond-async")
        if match := re.search(r'(?:^|[,\s])wait\s*=\s*"?(\d{1,6})(?:$|[",;\s])', header, re.IGNORECASE):
            wait = min(float(match[1]), WAIT_MOST_SEC)
            return cls(wait, f"wait={wait:.0f}")
        return cls()


class Dispatch:
    """Puts commands into the log and waits for their outcome."""

    def __init__(
        self, controller: Controller, lane: Controller, publisher: Publisher, outcomes: OutcomeWaiter
    ) -> None:
        """*lane* is for kill, stop and pause only: nothing else uses its connections."""
        self._controller = controller
        self._lane = lane
        self.publisher = publisher
        self._outcomes = outcomes
        self._waiting = Places(MOST_WAITING, MOST_OF_ONE)
        self._waiting_in_lane = Places(MOST_WAITING_IN_LANE, MOST_WAITING_IN_LANE)

    def send(self, wanted: NewCommand, preference: Preference) -> BotCommand:
        """Send a command and return it as it is when it is finished, or when the time to wait is over.

        Raises:
            DatabaseUnavailable: it is not in the log; OutcomeUnknown, with its ``commandId``: it may be.
            IdempotencyConflict: its key was used for another command.
        """
        logs.bind_contextvars(command_id=str(wanted.id), kind=wanted.kind, actor=wanted.actor)
        command = self._send(wanted, preference)
        if wanted.kind is not CommandKind.KILL or command.id != wanted.id or command.pending:
            # a kill that was finished here has its line
            log.info(
                "asked for %s: %s",
                command.kind,
                command.status,
                extra={"command_id": str(command.id), "status": command.status, "revision": command.revision},
            )
        return command

    def approve(self, command_id: UUID, by: str, preference: Preference) -> BotCommand:
        """Approve a command that waits for a second person, then wait for its outcome as for a new command.

        Raises:
            NotToApprove, OwnCommand: as ``Controller.approve`` does.
        """
        with self._outcomes.expect(command_id) as finished:
            command = self._controller.approve(command_id, by)
            about = {"command_id": str(command.id), "kind": command.kind, "actor": by}
            log.info("%s approved", command.kind, extra=about)
            self.publisher.publish(command)
            return self._wait(command, finished, preference, self._controller)

    def _send(self, wanted: NewCommand, preference: Preference) -> BotCommand:
        controller = self._lane if COMMANDS[wanted.kind].safer else self._controller
        with self._outcomes.expect(wanted.id) as finished:
            try:
                if wanted.kind is CommandKind.KILL:
                    return controller.kill(wanted)
                command = controller.submit(wanted)
            except OutcomeUnknown as error:
                error.details["commandId"] = str(wanted.id)
                raise
            if not command.pending:
                return command
            self.publisher.publish(command)
            if command.id == wanted.id:
                return self._wait(command, finished, preference, controller)
        # the Idempotency-Key was used before: wait for its command
        with self._outcomes.expect(command.id) as finished:
            finished.set()  # perhaps it was before we listened
            return self._wait(command, finished, preference, controller)

    def _wait(
        self,
        command: BotCommand,
        finished: Expectation,
        preference: Preference,
        controller: Controller,
    ) -> BotCommand:
        """The command as it is when it is finished, or when the time to wait is over."""
        places = self._waiting_in_lane if controller is self._lane else self._waiting
        if not preference.wait_sec or not places.take(command.actor):
            return command
        try:
            return self._outcomes.wait(command, finished, preference.wait_sec, controller)
        finally:
            places.give_back(command.actor)
