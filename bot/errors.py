"""What can go wrong, as a small tree; ``bot.broker.errors`` has what can go wrong with Alpaca. A class's docstring is its
message, and each class knows its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class PitbossError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))
        self.details: dict[str, Any] = dict(details or {})


class SettingsError(PitbossError):
    """A setting is missing or wrong."""

    code = "settings"


# -- commands -------------------------------------------------------------------------------------------------


class CommandRefused(PitbossError):
    """The command was judged and is not allowed."""

    code = "refused"


class InvalidTransition(CommandRefused):
    """The command is not allowed in the bot's present state."""

    code = "invalid_transition"


class Killed(CommandRefused):
    """The bot was killed and stays stopped until it is rearmed. Send rearm, then start."""

    code = "killed"


class InvalidParams(CommandRefused):
    """The command's parameters are not valid."""

    code = "validation"

    def __init__(self, message: str | None = None, *, details: Mapping[str, Any] | None = None) -> None:
        """Unless *message* says it, what is wrong with each field of ``details["fields"]`` is the sentence."""
        super().__init__(message or name_fields((details or {}).get("fields", {})), details=details)


def name_fields(fields: Mapping[str, Sequence[str]]) -> str:
    """What is wrong with each of *fields*, in a sentence; empty without any."""
    return " ".join(f"{name}: {'; '.join(reasons)}." for name, reasons in fields.items())


class NotStopped(CommandRefused):
    """The mode can only be switched while the bot is stopped."""

    code = "not_stopped"


class PositionsOpen(CommandRefused):
    """The mode cannot be switched while a position is open."""

    code = "positions_open"


class OrdersWorking(CommandRefused):
    """The mode cannot be switched while an order is working at the present account."""

    code = "orders_working"


class CredentialsMissing(CommandRefused):
    """The account of that mode has no API keys in the settings."""

    code = "credentials_missing"


class AccountUnavailable(CommandRefused):
    """Alpaca did not give a usable answer about the account."""

    code = "account_unavailable"


class MarketHoursOverride(CommandRefused):
    """Live mode needs real market hours: unset MARKET_HOURS=always first."""

    code = "market_hours_override"


class NothingToSettle(CommandRefused):
    """There is nothing of this kind to settle."""

    code = "nothing_to_settle"


class Expired(CommandRefused):
    """The command was not applied in time and has expired; nothing was changed."""

    code = "expired"


class Superseded(CommandRefused):
    """A stop or kill that was issued later cancelled this command; nothing was changed."""

    code = "superseded"


class NotApproved(CommandRefused):
    """An operator rejected the command before it took its turn; nothing was changed."""

    code = "not_approved"


class Revoked(CommandRefused):
    """The message was revoked before a worker took it; nothing was changed."""

    code = "revoked"


class SendTimeMissing(CommandRefused):
    """The message does not say when it was sent, so no stop or kill could cancel it; nothing was changed. Send it with
    `celery -A worker call`, which adds the time, or over the API."""

    code = "send_time_missing"


class SendTimeInFuture(CommandRefused):
    """The message was sent in the future, by the database's clock; nothing was changed. Set the sender's clock, or send it
    over the API."""

    code = "send_time_in_future"


class ApprovalNeeded(PitbossError):
    """This command has to be approved by a second person, and a message does not say who sent it; nothing was changed. Ask for
    it in the panel or over the API."""

    code = "approval_needed"


class NotToApprove(PitbossError):
    """No such command waits for approval."""

    code = "nothing_to_approve"


class OwnCommand(PitbossError):
    """You asked for this command yourself: another operator has to approve it."""

    code = "own_command"


class TooManyPending(PitbossError):
    """Too many commands are pending; this one was not accepted. Try again in a moment. Kill, stop and pause are always
    accepted."""

    code = "too_many_pending"


class IdempotencyConflict(PitbossError):
    """This Idempotency-Key was already used for another command. Use a new key for a new command."""

    code = "idempotency_conflict"


# -- the ledger -----------------------------------------------------------------------------------------------


class GateClosed(PitbossError):
    """The gate is closed: no position may be opened now."""

    code = "gate_closed"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(
            f"The gate is closed ({', '.join(reasons)}): nothing was opened.",
            details={"reasons": list(reasons)},
        )
        #: Every reason, each a slug of ``bot.status.gate.Reason``.
        self.reasons = tuple(reasons)


class TradeNotFound(PitbossError):
    """There is no such trade."""

    code = "not_found"


class TradeConflict(PitbossError):
    """The trade is recorded with other data; nothing was changed."""

    code = "trade_conflict"


# -- the database ---------------------------------------------------------------------------------------------


class DatabaseUnavailable(PitbossError):
    """The database cannot be reached; nothing was changed. Try again in a moment."""

    code = "database_unavailable"


class OutcomeUnknown(DatabaseUnavailable):
    """The connection to the database broke while it committed, so the command may or may not have been accepted.
    Ask for it by its commandId before you send it again."""

    code = "outcome_unknown"


class DatabaseFull(DatabaseUnavailable):
    """The database has no room left to write; nothing was changed. Make room on its disk."""

    code = "database_full"


class DatabaseReadOnly(DatabaseUnavailable):
    """The database is read-only; nothing was changed. Make it writable, or point DATABASE_URL to the server that is."""

    code = "database_read_only"


class LockBusy(DatabaseUnavailable):
    """Another process holds the lock on the bot's row. Try again in a moment."""

    code = "lock_busy"


class StatementTimedOut(DatabaseUnavailable):
    """The database took too long and gave up; nothing was changed. Ask for less at once."""

    code = "too_slow"


class NotMigrated(DatabaseUnavailable):
    """The database does not have the tables of this release: run `flask --app web db upgrade`."""

    code = "not_migrated"
