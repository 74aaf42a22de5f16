"""What can go wrong, by its code. ``str()`` of an error is Pitboss's own sentence, which says what to do.

PitbossError
    Refused            the answer is no, and asking again does not change it
        InvalidInput       fields that are not valid, in ``fields``
        NotAllowed         the token is unknown, or may not do this
        NotFound
        CommandRefused     a command came to its end without taking effect
            InvalidTransition  Killed  Expired  NotApproved  Revoked  Superseded  NothingToSettle  ModeRefused
        LedgerRefused      a trade was not recorded
            GateClosed  TradeConflict
    Unavailable        no answer, or "not now": nothing was changed
        OutcomeUnknown     what was sent may have been accepted: ask again with its ``key``
    StillPending       a command has not come to its end yet
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import requests

from client.models import Command


class PitbossError(Exception):
    """Anything that goes wrong with a request."""

    def __init__(
        self,
        sentence: str,
        *,
        code: str = "",
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence)
        #: A slug that stays the same when the sentence changes.
        self.code = code
        #: The status of the HTTP answer; None without one.
        self.status = status
        self.details: dict[str, Any] = dict(details or {})

    @property
    def command_id(self) -> UUID | None:
        """The command that it is about, where there is one."""
        found = self.details.get("commandId")
        return UUID(found) if found else None


class Refused(PitbossError):
    """The answer is no."""


class InvalidInput(Refused):
    """Something that was sent is not valid."""

    @property
    def fields(self) -> dict[str, list[str]]:
        """What is wrong with each field, by its name in JSON."""
        found: dict[str, list[str]] = self.details.get("fields", {})
        return found


class NotAllowed(Refused):
    """The token is not known, or its role may not do this."""


class NotFound(Refused):
    """It does not exist."""


class CommandRefused(Refused):
    """A command came to its end without taking effect."""

    #: Its row in the log, where it was asked for.
    command: Command | None = None


class InvalidTransition(CommandRefused):
    """The bot's state does not allow it."""


class Killed(CommandRefused):
    """The bot was killed: rearm it first."""


class Expired(CommandRefused):
    """It was not applied in time; nothing was changed."""


class NotApproved(CommandRefused):
    """It waited for a second person, and an operator rejected it; nothing was changed."""


class Revoked(CommandRefused):
    """Its message was revoked before a worker took it; nothing was changed."""


class Superseded(CommandRefused):
    """A stop or kill that was issued later cancelled it; nothing was changed."""


class NothingToSettle(CommandRefused):
    """There is nothing of this kind to settle."""


class ModeRefused(CommandRefused):
    """The mode cannot be switched now; ``code`` says why."""


class LedgerRefused(Refused):
    """A trade was not recorded."""


class GateClosed(LedgerRefused):
    """No position may be opened now."""

    @property
    def reasons(self) -> list[str]:
        """Every reason why."""
        found: list[str] = self.details.get("reasons", [])
        return found


class TradeConflict(LedgerRefused):
    """The trade is recorded with other data."""


class Unavailable(PitbossError):
    """There is no answer now."""

    #: Seconds that Pitboss asks to wait.
    retry_after_sec: float = 0.0


class OutcomeUnknown(Unavailable):
    """What was sent may have been accepted, or not. Send it again with the same ``key`` to know, or ask for ``command_id``."""

    #: The Idempotency-Key that it was sent with.
    key: str | None = None


class StillPending(PitbossError):
    """A command has not come to its end within the time that was given."""


#: The class of each code; others are told by their status.
BY_CODE: Mapping[str, type[PitbossError]] = {
    "account_unavailable": ModeRefused,
    "bad_request": InvalidInput,
    "body_too_large": InvalidInput,
    "credentials_missing": ModeRefused,
    "csrf": NotAllowed,
    "expired": Expired,
    "forbidden": NotAllowed,
    "gate_closed": GateClosed,
    "idempotency_conflict": InvalidInput,
    "invalid_transition": InvalidTransition,
    "killed": Killed,
    "market_hours_override": ModeRefused,
    "not_approved": NotApproved,
    "not_found": NotFound,
    "not_stopped": ModeRefused,
    "nothing_to_settle": NothingToSettle,
    "orders_working": ModeRefused,
    "outcome_unknown": OutcomeUnknown,
    "positions_open": ModeRefused,
    "revoked": Revoked,
    "superseded": Superseded,
    "trade_conflict": TradeConflict,
    "unauthorized": NotAllowed,
    "validation": InvalidInput,
}
#: Statuses that are temporary, including those of a proxy.
TEMPORARY = frozenset({429, 502, 503, 504})


def of(response: requests.Response) -> PitbossError:
    """The error that *response* tells."""
    try:
        body = response.json()
        sentence, code, details = str(body["error"]), str(body["code"]), dict(body.get("details") or {})
    except (ValueError, KeyError, TypeError):
        sentence = (
            f"There is no answer of Pitboss at this address, but a {response.status_code} of something else."
        )
        code, details = "", {}
    kind = BY_CODE.get(code) or _by_status(response.status_code)
    error = kind(sentence, code=code, status=response.status_code, details=details)
    if isinstance(error, Unavailable):
        wait = response.headers.get("Retry-After", "")
        error.retry_after_sec = float(wait) if wait.isdigit() else 0.0
    return error


def _by_status(status: int) -> type[PitbossError]:
    if status in TEMPORARY:
        return Unavailable
    return CommandRefused if status == 409 else Refused if status < 500 else PitbossError


def of_command(command: Command) -> CommandRefused:
    """The error of a *command* that came to its end without taking effect."""
    code = command.error_code or str(command.status)
    kind = BY_CODE.get(code, CommandRefused)
    if not issubclass(kind, CommandRefused):
        kind = CommandRefused
    sentence = command.error or f"The command was not applied: it is {command.status}."
    error = kind(sentence, code=code, details={"commandId": str(command.id)})
    error.command = command
    return error
