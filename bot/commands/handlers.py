"""Judges the pending commands under the lock, and says what each kind of command does; it commits nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from bot.commands import endings, flatten, mode_switch, send_time, settle, thresholds
from bot.commands.mode_switch import Preflight
from bot.errors import CommandRefused, InvalidParams, Superseded
from bot.models import BotCommand, BotReconciliation, Trigger
from bot.reconciliation.evidence import Evidence
from bot.reconciliation.gate_control import ask_for_attempt, close_gate, conclude, repeat
from bot.settings.settings import Settings
from bot.states import BotState, CommandKind, CommandStatus, next_state, spec_of
from bot.storage.locked_bot import LockedBot

log = logging.getLogger(__name__)

#: What is read at Alpaca for a command, before the lock is taken.
CommandEvidence = Evidence | Preflight


@dataclass(frozen=True)
class Given:
    """What a handler gets beside the row and its command."""

    settings: Settings
    #: What was gathered for the command; None if nothing was so far.
    evidence: CommandEvidence | None
    #: Whether commands before it were superseded by it.
    superseded_some: bool
    #: The reports made from each evidence in this transaction, by the evidence's identity.
    reports: dict[int, BotReconciliation] = field(default_factory=dict)


#: Applies a command to everything in the locked row except the state, and returns the new state, or None if the command still
#: needs evidence. To reject the command it raises a CommandRefused before it changes anything. It commits nothing.
Handler = Callable[[LockedBot, BotCommand, Given], BotState | None]


class CommandHandlers:
    """Finishes commands on the locked row. Commits nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def drain(
        self,
        locked: LockedBot,
        *,
        up_to_seq: int | None = None,
        evidence: Mapping[UUID, CommandEvidence] | None = None,
    ) -> list[BotCommand]:
        """Finish the pending commands, in order: each is applied, rejected, expired or superseded.

        Args:
            locked: the locked row, with the pending commands.
            up_to_seq: the last command to finish; None for all.
            evidence: what was gathered for commands, by their ids.

        Returns:
            The finished commands. One that needs evidence and has none stays pending.
        """
        pending = [each for each in locked.pending if up_to_seq is None or each.seq <= up_to_seq]
        now, superseded = locked.now, 0
        # the clock may have been put back since they were accepted
        locked.now = max([now, *(command.issued_at for command in pending)])
        halts = [command.seq for command in pending if spec_of(command.kind).is_halt]
        reports: dict[int, BotReconciliation] = {}
        for command in pending:
            spec = spec_of(command.kind)
            end = endings.why_over(locked, command, now, max(halts, default=0))
            if end is not None:
                endings.reject(locked, command, end)
                superseded += isinstance(end, Superseded)
            else:
                self.judge(locked, command, evidence or {}, superseded_some=superseded > 0, reports=reports)
                superseded = 0 if spec.is_halt else superseded
        return locked.finished

    def judge(
        self,
        locked: LockedBot,
        command: BotCommand,
        evidence: Mapping[UUID, CommandEvidence],
        *,
        superseded_some: bool,
        reports: dict[int, BotReconciliation] | None = None,
    ) -> None:
        """Finish one command: apply it, or reject it with its error."""
        # what was inserted under the lock, after the clock was read, does not end before it began
        locked.now = max(locked.now, command.issued_at)
        config = locked.config
        before = config.state
        spec, handle = spec_of(command.kind), HANDLERS.get(command.kind, _change_state)
        given = Given(
            self._settings,
            evidence.get(command.id) or _shared_reading(command, evidence),
            superseded_some,
            {} if reports is None else reports,
        )
        if spec.is_halt:
            # also if it is rejected because the bot is stopped already: the bot was meant to stay stopped
            config.halt_seq = max(config.halt_seq, command.seq)
            config.halted_at = max(config.halted_at or command.issued_at, command.issued_at)
        try:
            send_time.check(command, spec)
            after = handle(locked, command, given)
        except CommandRefused as refusal:
            endings.reject(locked, command, refusal)
            return
        except DBAPIError:
            raise
        except Exception:
            # a command that cannot be judged must not block those behind it, which may include a kill
            log.exception("command %s (%s) could not be judged", command.id, command.kind)
            endings.reject(locked, command, InvalidParams("The command could not be understood."))
            return
        if after is None:
            return
        config.state = after
        if spec.sets_enabled is not None:
            config.enabled = spec.sets_enabled
        config.revision += 1
        config.updated_at = locked.now
        if spec.is_halt or (before is not after and after is BotState.RUNNING):
            ask_for_attempt(config, locked.now, Trigger.PERIODIC)
        command.status = CommandStatus.APPLIED
        command.from_state, command.to_state = before, after
        command.mode = config.mode
        command.revision = config.revision
        command.finished_at = locked.now
        locked.finished.append(command)


def _shared_reading(command: BotCommand, evidence: Mapping[UUID, CommandEvidence]) -> CommandEvidence | None:
    """One reading answers every ``reconcile`` that was issued before it began."""
    if command.kind is not CommandKind.RECONCILE:
        return None
    readings = (each for each in evidence.values() if not isinstance(each, Preflight))
    return next((each for each in readings if each.began_at >= command.issued_at), None)


# -- what each command does -----------------------------------------------------------------------------------


def _change_state(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    return next_state(locked.config.state, command.kind, latched=locked.config.killed)


def _stop(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    is_asked = flatten.is_asked_for(command.params)
    if locked.config.state is BotState.STOPPED and (given.superseded_some or is_asked):
        after = BotState.STOPPED  # it superseded a start, or makes the account flat
    else:
        after = _change_state(locked, command, given)
    if is_asked:
        flatten.start(locked, command)
    return after


def _kill(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    config, after = locked.config, _change_state(locked, command, given)
    # a second kill without a reason does not replace the reason of the first
    config.killed_at, config.kill_reason = locked.now, command.reason or config.kill_reason
    if flatten.is_asked_for(command.params, strict=False):
        flatten.start(locked, command)
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
        command.changes = {"mode": [config.mode, target]}
        config.mode = target
        close_gate(config, locked.now, Trigger.MODE_SWITCH)
    return config.state


def _update_config(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    config = locked.config
    if command.sent_at is not None and config.configured_at and command.ordered_at < config.configured_at:
        raise Superseded("A newer update_config was applied before this one was read; nothing was changed.")
    after = _change_state(locked, command, given)
    config.configured_at = max(config.configured_at or command.issued_at, command.issued_at)
    changes = thresholds.check_changes(command.params)
    command.changes = thresholds.differences(config, changes) or None
    for name, value in changes.items():
        setattr(config, name, value)
    return after


def _reconcile(locked: LockedBot, command: BotCommand, given: Given) -> BotState | None:
    if given.evidence is None or isinstance(given.evidence, Preflight):
        return None
    after = _change_state(locked, command, given)
    made = given.reports.get(id(given.evidence))
    if made is not None:
        repeat(locked, made, command.id)
    else:
        given.reports[id(given.evidence)] = conclude(
            locked, given.evidence, Trigger.MANUAL, command.id, given.settings
        )
    return after


def _settle(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    after = _change_state(locked, command, given)
    settle.settle(locked, command)
    # a reading from before the settlement does not decide about the gate
    locked.config.reconcile_began_at = locked.now
    ask_for_attempt(locked.config, locked.now, Trigger.SETTLE)
    return after


def _flatten(locked: LockedBot, command: BotCommand, given: Given) -> BotState:
    wanted = flatten.read(command.params)
    if wanted.cancel:
        flatten.cancel(locked, command)
        return locked.config.state
    after = _change_state(locked, command, given)
    flatten.start(locked, command, wanted.symbol)
    return after


#: What each kind of command does to the row, except for the state.
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
        CommandKind.SETTLE: _settle,
        CommandKind.FLATTEN: _flatten,
    }
)
