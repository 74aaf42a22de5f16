"""What becomes of each pending command, and of the gate, judged under the lock; it commits nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from bot.commands import mode_switch, thresholds
from bot.commands.mode_switch import Preflight
from bot.errors import CommandRefused, Expired, InvalidParams, Superseded
from bot.models import BotCommand, Trigger
from bot.reconciliation.evidence import Evidence
from bot.reconciliation.gate_control import close_gate, conclude
from bot.settings.settings import Settings
from bot.states import BotState, CommandKind, CommandStatus, next_state, spec_of
from bot.storage.locked_bot import LockedBot

log = logging.getLogger(__name__)

#: What is read at Alpaca for a command, before the lock is taken.
CommandEvidence = Evidence | Preflight


@dataclass(frozen=True)
class Given:
    """What a handler may use beside the row and its command."""

    settings: Settings
    #: What was gathered for the command; None as long as nothing was.
    evidence: CommandEvidence | None
    #: Whether commands before it were superseded by it.
    superseded_some: bool


#: Applies a command to the locked row, all but its state, and returns the new state; None when its evidence is still
#: to come. It raises a CommandRefused to reject the command, before it changes anything, and commits nothing.
Handler = Callable[[LockedBot, BotCommand, Given], BotState | None]


class CommandHandlers:
    """Finishes commands on the locked row. Commits nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def expire(self, locked: LockedBot) -> list[BotCommand]:
        for command in locked.pending:
            if _is_late(command, locked.now):
                _finish_refused(locked, command, Expired())
        return locked.finished

    def drain(
        self,
        locked: LockedBot,
        *,
        up_to_seq: int | None = None,
        evidence: Mapping[UUID, CommandEvidence] | None = None,
    ) -> list[BotCommand]:
        pending = [each for each in locked.pending if up_to_seq is None or each.seq <= up_to_seq]
        # the clock may have been put back since they were accepted
        locked.now = max([locked.now, *(command.issued_at for command in pending)])
        halts = (command.seq for command in pending if spec_of(command.kind).is_halt)
        last_halt = max([locked.config.halt_seq, *halts])
        superseded = 0
        for command in pending:
            spec = spec_of(command.kind)
            if spec.superseded_by_halts and command.seq < last_halt:
                _finish_refused(locked, command, Superseded())
                superseded += 1
            elif _is_late(command, locked.now):
                _finish_refused(locked, command, Expired())
            else:
                self.judge(locked, command, evidence or {}, superseded_some=superseded > 0)
                superseded = 0 if spec.is_halt else superseded
        return locked.finished

    def judge(
        self,
        locked: LockedBot,
        command: BotCommand,
        evidence: Mapping[UUID, CommandEvidence],
        *,
        superseded_some: bool,
    ) -> None:
        config = locked.config
        before = config.state
        spec, handle = spec_of(command.kind), HANDLERS.get(command.kind, _change_state)
        given = Given(self._settings, evidence.get(command.id), superseded_some)
        try:
            after = handle(locked, command, given)
        except CommandRefused as refusal:
            _finish_refused(locked, command, refusal)
            return
        except DBAPIError:
            raise
        except Exception:
            # one command that cannot be judged must not keep those behind it, a kill perhaps, from being
            log.exception("command %s (%s) could not be judged", command.id, command.kind)
            _finish_refused(locked, command, InvalidParams("The command could not be understood."))
            return
        if after is None:
            return
        config.state = after
        if spec.sets_enabled is not None:
            config.enabled = spec.sets_enabled
        config.revision += 1
        config.updated_at = locked.now
        if spec.is_halt:
            config.halt_seq = max(config.halt_seq, command.seq)
        command.status = CommandStatus.APPLIED
        command.from_state, command.to_state = before, after
        command.mode = config.mode
        command.revision = config.revision
        command.finished_at = locked.now
        locked.finished.append(command)


def _is_late(command: BotCommand, now: datetime) -> bool:
    return command.expires_at is not None and command.expires_at <= now


def _finish_refused(locked: LockedBot, command: BotCommand, refusal: CommandRefused) -> None:
    status = {Expired: CommandStatus.EXPIRED, Superseded: CommandStatus.SUPERSEDED}
    command.status = status.get(type(refusal), CommandStatus.REJECTED)
    command.from_state = locked.config.state
    command.mode = locked.config.mode
    command.error_code, command.error = refusal.code, str(refusal)
    command.error_details = refusal.details or None
    command.finished_at = locked.now
    locked.finished.append(command)


# -- what each command does -----------------------------------------------------------------------------------


def _change_state(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    return next_state(locked.config.state, command.kind, latched=locked.config.killed)


def _stop(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    if locked.config.state is BotState.STOPPED and given.superseded_some:
        return BotState.STOPPED  # it kept a start from taking effect
    return _change_state(locked, command, given)


def _kill(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    config, after = locked.config, _change_state(locked, command, given)
    # a second kill without a reason does not hide why the first one was
    config.killed_at, config.kill_reason = locked.now, command.reason or config.kill_reason
    return after


def _rearm(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    after = _change_state(locked, command, given)
    locked.config.killed_at, locked.config.kill_reason = None, None
    return after


def _set_mode(locked: LockedBot, command: BotCommand, given: Given) -> BotState | None:
    config, target = locked.config, mode_switch.wanted_mode(command.params)
    preflight = given.evidence if isinstance(given.evidence, Preflight) else None
    if not mode_switch.judge(locked.session, config, given.settings, target, preflight, locked.now):
        return None
    if target is not config.mode:
        config.mode = target
        close_gate(config, locked.now, Trigger.MODE_SWITCH)
    return config.state


def _update_config(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    after = _change_state(locked, command, given)
    for name, value in thresholds.check_changes(command.params).items():
        setattr(locked.config, name, value)
    return after


def _reconcile(locked: LockedBot, command: BotCommand, given: Given) -> BotState | None:
    if given.evidence is None or isinstance(given.evidence, Preflight):
        return None
    after = _change_state(locked, command, given)
    conclude(locked, given.evidence, Trigger.MANUAL, command.id)
    return after


#: What each kind does to the row, all but its state.
HANDLERS: Mapping[CommandKind, Handler] = MappingProxyType(
    {
        CommandKind.START: _change_state,
        CommandKind.PAUSE: _change_state,
        CommandKind.RESUME: _change_state,
        CommandKind.STOP: _stop,
        CommandKind.KILL: _kill,
        CommandKind.REARM: _rearm,
        CommandKind.SET_MODE: _set_mode,
        CommandKind.UPDATE_CONFIG: _update_config,
        CommandKind.RECONCILE: _reconcile,
    }
)
