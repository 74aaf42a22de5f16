"""States, modes and commands, and the one table that says what each kind of command may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from bot.errors import CommandRefused, InvalidTransition, Killed, NotStopped


class BotState(StrEnum):
    """What the bot may do."""

    STOPPED = "stopped"  # nothing at all happens
    RUNNING = "running"  # entries and exits
    PAUSED = "paused"  # no new entries; open positions are still watched and exited


class Mode(StrEnum):
    """Which Alpaca account the bot acts on."""

    PAPER = "paper"
    LIVE = "live"


class CommandKind(StrEnum):
    """The kinds of commands."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    KILL = "kill"
    REARM = "rearm"
    SET_MODE = "set_mode"
    UPDATE_CONFIG = "update_config"
    RECONCILE = "reconcile"
    SETTLE = "settle"
    FLATTEN = "flatten"


class CommandStatus(StrEnum):
    """The status of a command. All except the first two are final."""

    QUEUED = "queued"  # durable, not judged yet
    AWAITING_APPROVAL = "awaiting_approval"  # durable, waits for a second person
    APPLIED = "applied"  # took effect, and produced a revision
    REJECTED = "rejected"  # judged and not allowed
    EXPIRED = "expired"  # was pending for longer than allowed
    SUPERSEDED = "superseded"  # cancelled by a later stop or kill


class Source(StrEnum):
    """How a command was sent."""

    API = "api"
    PANEL = "panel"
    CELERY = "celery"  # a manual task: Celery's command line or Flower
    SYSTEM = "system"  # Pitboss itself, when a worker starts


@dataclass(frozen=True)
class CommandSpec:
    """The properties of one kind of command, except for its effect (``bot.commands.handlers.HANDLERS``)."""

    #: The states that allow it, each with the next state.
    leads_to: Mapping[BotState, BotState] = field(default_factory=dict)
    #: Whether the kill latch has to be on (true) or off (false); None if it does not matter.
    latch: bool | None = None
    #: The value that it gives to ``enabled``, the persistent kill switch; None if it does not change it.
    sets_enabled: bool | None = None
    #: Seconds that it may stay pending; None if for ever. A start that was queued while no worker ran must not take effect
    #: unexpectedly later.
    expires_after_sec: int | None = None
    #: Whether a stop or kill supersedes every one that was issued before it, even if its row is inserted later.
    superseded_by_halts: bool = False
    #: Whether a stop or kill supersedes it if its parameter ``cancel`` is true: ending a flatten makes the account less safe.
    cancel_superseded_by_halts: bool = False
    #: Whether it is a halt (a stop or a kill): no start issued before a halt takes effect after it.
    is_halt: bool = False
    #: Whether it makes the bot safer. Such a command never has to wait for the queue.
    safer: bool = False
    #: Whether it needs evidence from Alpaca, which is gathered before the lock is taken.
    needs_evidence: bool = False
    #: Names of its parameters; None if its handler checks them itself.
    params: frozenset[str] | None = frozenset()
    #: The error in a state that does not allow it, and the text.
    not_allowed: type[CommandRefused] = InvalidTransition
    not_allowed_sentence: str = (
        "Cannot {kind} while the bot is {state}; {kind} is allowed when it is {allowed}."
    )

    def yields_to_halts(self, params: object) -> bool:
        """Whether a stop or kill supersedes a command with these *params* that was issued before it."""
        cancels = isinstance(params, Mapping) and params.get("cancel") is True
        return self.superseded_by_halts or (self.cancel_superseded_by_halts and cancels)

    def needs_send_time(self, params: object) -> bool:
        """Whether a manual command with these *params* has to say when it was sent, so that a stop or kill can supersede it. A
        command that makes the bot safer never has to."""
        return self.yields_to_halts(params) and (not self.safer or self.cancel_superseded_by_halts)

    @property
    def only_waits(self) -> bool:
        """Whether only its evidence can finish it."""
        return self.needs_evidence and not self.superseded_by_halts and self.expires_after_sec is None


_STOPPED, _RUNNING, _PAUSED = BotState
_STAYS: Mapping[BotState, BotState] = {state: state for state in BotState}

#: One row for each kind of command: the only place that defines the transitions.
COMMANDS: Mapping[CommandKind, CommandSpec] = MappingProxyType(
    {
        CommandKind.START: CommandSpec(
            leads_to={_STOPPED: _RUNNING},
            latch=False,
            sets_enabled=True,
            expires_after_sec=30,
            superseded_by_halts=True,
        ),
        CommandKind.PAUSE: CommandSpec(leads_to={_RUNNING: _PAUSED}, superseded_by_halts=True, safer=True),
        CommandKind.RESUME: CommandSpec(
            leads_to={_PAUSED: _RUNNING}, expires_after_sec=30, superseded_by_halts=True
        ),
        CommandKind.STOP: CommandSpec(
            leads_to={_RUNNING: _STOPPED, _PAUSED: _STOPPED},
            is_halt=True,
            safer=True,
            params=frozenset({"flatten"}),
        ),
        CommandKind.KILL: CommandSpec(
            leads_to=dict.fromkeys(BotState, _STOPPED),
            sets_enabled=False,
            is_halt=True,
            safer=True,
            params=frozenset({"flatten"}),
        ),
        CommandKind.REARM: CommandSpec(leads_to={_STOPPED: _STOPPED}, latch=True, superseded_by_halts=True),
        CommandKind.SET_MODE: CommandSpec(
            leads_to={_STOPPED: _STOPPED},
            expires_after_sec=30,
            superseded_by_halts=True,
            needs_evidence=True,
            params=frozenset({"mode"}),
            not_allowed=NotStopped,
            not_allowed_sentence="The mode can only be switched while the bot is stopped; it is {state}. Stop it first.",
        ),
        CommandKind.UPDATE_CONFIG: CommandSpec(leads_to=_STAYS, params=None),
        CommandKind.RECONCILE: CommandSpec(leads_to=_STAYS, needs_evidence=True),
        CommandKind.SETTLE: CommandSpec(leads_to=_STAYS, params=None),
        CommandKind.FLATTEN: CommandSpec(
            leads_to={_STOPPED: _STOPPED, _RUNNING: _PAUSED, _PAUSED: _PAUSED},
            cancel_superseded_by_halts=True,
            safer=True,
            params=None,
        ),
    }
)

#: The most commands that may be pending at once; those that make the bot safer are always accepted.
MOST_PENDING = 1_000

#: The row for a kind that only a newer release knows: it is allowed in no state.
_UNKNOWN = CommandSpec(not_allowed_sentence="This release knows no command {kind}.")


def spec_of(kind: str) -> CommandSpec:
    """The row of *kind*, even if only a newer release knows it."""
    return COMMANDS.get(kind, _UNKNOWN)  # type: ignore[call-overload, no-any-return] # a StrEnum equals its text


def next_state(state: BotState, kind: CommandKind, *, latched: bool) -> BotState:
    """The state to which *kind* leads from *state*.

    Raises:
        InvalidTransition: the table has no such step, or ``rearm`` finds the latch off.
        Killed: a ``start`` while the kill latch is on.
        NotStopped: a ``set_mode`` while the bot is running or paused.
    """
    spec = spec_of(kind)
    to = spec.leads_to.get(state)
    if to is None:
        allowed = " or ".join(each for each in BotState if each in spec.leads_to)
        raise spec.not_allowed(spec.not_allowed_sentence.format(kind=kind, state=state, allowed=allowed))
    if spec.latch is not None and spec.latch is not latched:
        if latched:
            raise Killed()
        raise InvalidTransition(f"Cannot {kind}: the kill switch is not on.")
    return to


@cache  # asked with every status
def allowed_commands(state: BotState, *, latched: bool) -> tuple[CommandKind, ...]:
    """The kinds of command that the table allows now."""
    return tuple(kind for kind in COMMANDS if _is_allowed(state, kind, latched))


def _is_allowed(state: BotState, kind: CommandKind, latched: bool) -> bool:
    try:
        next_state(state, kind, latched=latched)
    except CommandRefused:
        return False
    return True
