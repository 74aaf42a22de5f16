"""What becomes of each pending command, and of the gate, judged under the lock; it commits nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from bot.commands import mode_switch, thresholds
from bot.commands.mode_switch import Preflight
from bot.errors import CommandRefused, Expired, InvalidParams, Superseded
from bot.models import BotCommand, Trigger
from bot.reconciliation.gate_control import close_gate, conclude
from bot.settings.settings import Settings
from bot.states import (
    CALLED_OFF_BY_HALT,
    HALTS,
    SETS_ENABLED,
    BotState,
    CommandKind,
    CommandStatus,
    Mode,
    next_state,
)
from bot.storage.locked_bot import LockedBot

log = logging.getLogger(__name__)


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
        self, locked: LockedBot, *, up_to_seq: int | None = None, evidence: Mapping[UUID, Any] | None = None
    ) -> list[BotCommand]:
        pending = [each for each in locked.pending if up_to_seq is None or each.seq <= up_to_seq]
        # the clock may have been put back since they were accepted
        locked.now = max([locked.now, *(command.issued_at for command in pending)])
        halts = (command.seq for command in pending if command.kind in HALTS)
        last_halt = max([locked.config.halt_seq, *halts])
        called_off = 0
        for command in pending:
            if command.kind in CALLED_OFF_BY_HALT and command.seq < last_halt:
                _finish_refused(locked, command, Superseded())
                called_off += 1
            elif _is_late(command, locked.now):
                _finish_refused(locked, command, Expired())
            else:
                self.judge(locked, command, evidence or {}, called_off=called_off > 0)
                called_off = 0 if command.kind in HALTS else called_off
        return locked.finished

    def judge(
        self, locked: LockedBot, command: BotCommand, evidence: Mapping[UUID, Any], *, called_off: bool
    ) -> None:
        config = locked.config
        before = config.state
        try:
            after = self._effect(locked, command, evidence.get(command.id), called_off)
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
        config.enabled = SETS_ENABLED.get(command.kind, config.enabled)
        config.revision += 1
        config.updated_at = locked.now
        if command.kind in HALTS:
            config.halt_seq = max(config.halt_seq, command.seq)
        command.status = CommandStatus.APPLIED
        command.from_state, command.to_state = before, after
        command.mode = config.mode
        command.revision = config.revision
        command.finished_at = locked.now
        locked.finished.append(command)

    def _effect(
        self, locked: LockedBot, command: BotCommand, evidence: Any, called_off: bool
    ) -> BotState | None:
        """Let *command* take effect on the row, all but its state; None when its evidence is still to come."""
        config = locked.config
        match command.kind:
            case CommandKind.SET_MODE:
                return self._set_mode(locked, command, evidence)
            case CommandKind.RECONCILE if evidence is None:
                return None
            case CommandKind.STOP if config.state is BotState.STOPPED and called_off:
                return BotState.STOPPED  # it stopped a start from happening
        after = next_state(config.state, command.kind, latched=config.killed)
        match command.kind:
            case CommandKind.KILL:
                # a second kill without a reason does not hide why the first one was
                config.killed_at, config.kill_reason = locked.now, command.reason or config.kill_reason
            case CommandKind.REARM:
                config.killed_at, config.kill_reason = None, None
            case CommandKind.UPDATE_CONFIG:
                for name, value in thresholds.check_changes(command.params).items():
                    setattr(config, name, value)
            case CommandKind.RECONCILE:
                conclude(locked, evidence, Trigger.MANUAL, command.id)
        return after

    def _set_mode(
        self, locked: LockedBot, command: BotCommand, preflight: Preflight | None
    ) -> BotState | None:
        config, target = locked.config, wanted_mode(command.params)
        if not mode_switch.judge(locked.session, config, self._settings, target, preflight, locked.now):
            return None
        if target is not config.mode:
            config.mode = target
            close_gate(config, locked.now, Trigger.MODE_SWITCH)
        return config.state


def wanted_mode(params: Mapping[str, Any]) -> Mode:
    """The mode that a ``set_mode`` asks for.

    Raises:
        InvalidParams: it asks for none that exists.
    """
    try:
        return Mode(params["mode"])
    except (KeyError, ValueError):
        raise InvalidParams(details={"fields": {"mode": ["must be paper or live"]}}) from None


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
