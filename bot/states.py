"""States, modes and commands, and the one table that says which command leads where."""

from __future__ import annotations

from collections.abc import Mapping
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


class CommandStatus(StrEnum):
    """Where a command is in its life. Every status but the first is final."""

    QUEUED = "queued"  # durable, not judged yet
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


_ANYWHERE = tuple(BotState)


def _table() -> dict[tuple[BotState, CommandKind], BotState]:
    stopped, running, paused = BotState
    table = {
        (stopped, CommandKind.START): running,
        (running, CommandKind.PAUSE): paused,
        (paused, CommandKind.RESUME): running,
        (running, CommandKind.STOP): stopped,
        (paused, CommandKind.STOP): stopped,
        (stopped, CommandKind.REARM): stopped,
        (stopped, CommandKind.SET_MODE): stopped,
    }
    for state in _ANYWHERE:
        table[state, CommandKind.KILL] = stopped
        table[state, CommandKind.UPDATE_CONFIG] = state
        table[state, CommandKind.RECONCILE] = state
    return table


#: Where a command leads from a state; a pair that is missing is not allowed.
TRANSITIONS: Mapping[tuple[BotState, CommandKind], BotState] = MappingProxyType(_table())

#: What the kill latch has to be for a command; commands that are missing do not care.
LATCH_MUST_BE: Mapping[CommandKind, bool] = MappingProxyType(
    {CommandKind.START: False, CommandKind.REARM: True}
)

#: What a command does to ``enabled``, the persistent kill switch; the others leave it alone.
SETS_ENABLED: Mapping[CommandKind, bool] = MappingProxyType(
    {CommandKind.START: True, CommandKind.KILL: False}
)

#: A stop or a kill calls off every one of these that was issued before it and is still pending.
CALLED_OFF_BY_HALT = frozenset(
    {CommandKind.START, CommandKind.PAUSE, CommandKind.RESUME, CommandKind.SET_MODE}
)
HALTS = frozenset({CommandKind.STOP, CommandKind.KILL})

#: Commands that make the bot safer. They never wait for the queue.
SAFER = frozenset({CommandKind.PAUSE, CommandKind.STOP, CommandKind.KILL})

#: Commands that are judged on evidence from Alpaca, gathered before the lock is taken.
NEEDS_EVIDENCE = frozenset({CommandKind.SET_MODE, CommandKind.RECONCILE})

#: How long a command may stay pending, in seconds; the others wait for ever. A start that was queued while
#: no worker ran must not fire later by surprise.
EXPIRES_AFTER_SEC: Mapping[CommandKind, int] = MappingProxyType(
    {CommandKind.START: 30, CommandKind.RESUME: 30, CommandKind.SET_MODE: 30}
)


def next_state(state: BotState, kind: CommandKind, *, latched: bool) -> BotState:
    """Where *kind* leads from *state*.

    Raises:
        InvalidTransition: the table has no such step, or ``rearm`` finds the latch off.
        Killed: a ``start`` while the kill latch is on.
        NotStopped: a ``set_mode`` while the bot is running or paused.
    """
    to = TRANSITIONS.get((state, kind))
    if to is None:
        if kind is CommandKind.SET_MODE:
            raise NotStopped(
                f"The mode can only be switched while the bot is stopped; it is {state}. Stop it first."
            )
        raise InvalidTransition(f"Cannot {kind} while the bot is {state}; {_allowed_from(kind)}.")
    must_be = LATCH_MUST_BE.get(kind)
    if must_be is not None and must_be is not latched:
        if latched:
            raise Killed()
        raise InvalidTransition("Cannot rearm: the kill switch is not on.")
    return to


@cache  # asked with every status
def allowed_commands(state: BotState, *, latched: bool) -> tuple[CommandKind, ...]:
    """The kinds of command that the table allows now."""
    return tuple(kind for kind in CommandKind if _is_allowed(state, kind, latched))


def _is_allowed(state: BotState, kind: CommandKind, latched: bool) -> bool:
    try:
        next_state(state, kind, latched=latched)
    except CommandRefused:
        return False
    return True


def _allowed_from(kind: CommandKind) -> str:
    states = [str(state) for state in BotState if (state, kind) in TRANSITIONS]
    return f"{kind} is allowed when it is {' or '.join(states)}"
