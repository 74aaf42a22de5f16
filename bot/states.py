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
    """One operator intention."""

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
    """Where a command is in its life. Every status but the first two is final."""

    QUEUED = "queued"  # durable, not judged yet
    AWAITING_APPROVAL = "awaiting_approval"  # durable, and waits for a second person
    APPLIED = "applied"  # took effect, and produced a revision
    REJECTED = "rejected"  # judged, and not allowed
    EXPIRED = "expired"  # waited longer than it may
    SUPERSEDED = "superseded"  # called off by a later stop or kill


class Source(StrEnum):
    """Which way a command came in."""

    API = "api"
    PANEL = "panel"
    CELERY = "celery"  # a task sent by hand: Celery's command line or Flower
    SYSTEM = "system"  # Pitboss itself, when a worker starts


@dataclass(frozen=True)
class CommandSpec:
    """All that is fixed about one kind of command, but for its effect (``bot.commands.handlers.HANDLERS``)."""

    #: The states that allow it, each with the state that it leads to.
    leads_to: Mapping[BotState, BotState] = field(default_factory=dict)
    #: What the kill latch has to be, on (true) or off (false); None where it does not matter.
    latch: bool | None = None
    #: What it does to ``enabled``, the persistent kill switch; None where it leaves it alone.
    sets_enabled: bool | None = None
    #: Seconds that it may stay pending; None for ever. A start that was queued while no worker ran must not fire later
    #: by surprise.
    expires_after_sec: int | None = None
    #: A halt supersedes every one of these that was issued before it, whenever its row comes.
    superseded_by_halts: bool = False
    #: Whether they supersede it when its parameter ``cancel`` is true: to end what makes the account safer makes it less so.
    cancel_superseded_by_halts: bool = False
    #: Whether it is a stop or a kill: nothing that was issued before a halt takes effect after it.
    is_halt: bool = False
    #: Whether it makes the bot safer. Such a command never waits for the queue.
    safer: bool = False
    #: Whether it is decided on evidence from Alpaca, gathered before the lock is taken.
    needs_evidence: bool = False
    #: Names of its parameters; None where its handler checks them itself.
    params: frozenset[str] | None = frozenset()
    #: The error in a state that does not allow it, and its sentence.
    not_allowed: type[CommandRefused] = InvalidTransition
    not_allowed_sentence: str = (
        "Cannot {kind} while the bot is {state}; {kind} is allowed when it is {allowed}."
    )

    def yields_to_halts(self, params: object) -> bool:
        """Whether a halt supersedes a command with these *params* that was issued before it."""
        cancels = isinstance(params, Mapping) and params.get("cancel") is True
        return self.superseded_by_halts or (self.cancel_superseded_by_halts and cancels)

    def needs_send_time(self, params: object) -> bool:
        """Whether a manual one with these *params* has to say when it was sent: a halt could not supersede it otherwise. What
        makes the bot safer is never kept out for it."""
        return self.yields_to_halts(params) and (not self.safer or self.cancel_superseded_by_halts)

    @property
    def only_waits(self) -> bool:
        """Whether nothing but its evidence ends it."""
        return self.needs_evidence and not self.superseded_by_halts and self.expires_after_sec is None


_STOPPED, _RUNNING, _PAUSED = BotState
_STAYS: Mapping[BotState, BotState] = {state: state for state in BotState}

#: One row for each kind of command. It decides alone which command leads where.
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

#: Commands that may be pending at once; those that make the bot safer are taken beyond that, too.
MOST_PENDING = 1_000

#: What a kind that only a newer release knows is taken for: allowed nowhere.
_UNKNOWN = CommandSpec(not_allowed_sentence="This release knows no command {kind}.")


def spec_of(kind: str) -> CommandSpec:
    """The row of *kind*, also of one that only a newer release knows."""
    return COMMANDS.get(kind, _UNKNOWN)  # type: ignore[call-overload, no-any-return] # a StrEnum equals its text


def next_state(state: BotState, kind: CommandKind, *, latched: bool) -> BotState:
    """Where *kind* leads from *state*.

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
