"""The only writer of ``bot_config``: judges pending commands and finishes them, in order, under the lock.

The lock is the singleton row. Whoever comes finishes what is pending, for itself and for others, so it does not matter
who is woken, how often, or in which order.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, aliased, object_session

from bot import command_log, mode_switch, reconciliation, thresholds
from bot.command_log import Intention
from bot.database import Database, evict_idle_lock_holders
from bot.errors import CommandRefused, DatabaseUnavailable, Expired, InvalidParams, LockBusy, Superseded
from bot.mode_switch import Preflight
from bot.models import SINGLETON, BotCommand, BotConfig, BotReconciliation, Outcome, Trigger
from bot.reconciliation import Evidence
from bot.settings import Settings
from bot.states import (
    CALLED_OFF_BY_HALT,
    HALTS,
    SAFER,
    SETS_ENABLED,
    BotState,
    CommandKind,
    CommandStatus,
    Mode,
    Source,
    next_state,
)

T = TypeVar("T")

# The lock is taken in a subquery, or Postgres would read the clock before it waits for the lock.
_ROW = select(BotConfig).where(BotConfig.id == SINGLETON).with_for_update().subquery()
_LOCKED = select(aliased(BotConfig, _ROW), func.clock_timestamp()).execution_options(populate_existing=True)
_ANY_PENDING = select(select(BotCommand.seq).where(BotCommand.status == CommandStatus.QUEUED).exists())

#: How long a command waits for the lock altogether, in seconds.
LOCK_PATIENCE_SEC = 5.0
#: A stop or a pause that is pending for longer is applied by whoever notices.
SAFER_WITHIN = timedelta(seconds=1)
#: Backoff between attempts to reconcile, in seconds: doubled with each failure, spread by a fifth.
RETRY_FIRST_SEC, RETRY_MOST_SEC = 2.0, 60.0
#: How long one attempt to reconcile holds the right to it, in seconds; longer than any attempt takes.
ATTEMPT_SEC = 20.0

#: Key of a session's ``info`` under which the commands are kept that it finished.
_FINISHED = "pitboss_finished"

log = logging.getLogger(__name__)


class Controller:
    """Changes the bot's state, by commands from the log and by nothing else."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    # -- commands ---------------------------------------------------------------------------------------------

    def submit(self, wanted: Intention) -> BotCommand:
        """Put *wanted* into the log. It is durable when this returns.

        Raises:
            IdempotencyConflict: its key was used for another command.
            OutcomeUnknown: it may or may not be in the log; its id tells, later.
            DatabaseUnavailable: it is not in the log.
        """
        return self._database.run(lambda session: command_log.submit(session, wanted))

    def submit_and_apply(self, wanted: Intention) -> BotCommand:
        """Put *wanted* into the log and finish it, at best in one transaction. Needs neither Redis nor a worker.

        When the lock cannot be had, or Postgres goes away meanwhile, the command is durable all the same, and pending.
        """

        def both(session: Session) -> BotCommand:
            command = command_log.submit(session, wanted)
            if command.pending:
                self._drain(session, up_to_seq=command.seq)
            return command

        try:
            return self._run(both)
        except LockBusy:
            command = self.submit(wanted)
            try:
                self.apply(up_to_seq=command.seq)
                return self.find(command.id) or command
            except DatabaseUnavailable as error:
                log.warning("%s %s is pending: %s", command.kind, command.id, error)
                return command

    def apply(
        self, *, up_to_seq: int | None = None, evidence: Mapping[UUID, Any] | None = None
    ) -> list[BotCommand]:
        """Finish the pending commands, in order; with *up_to_seq* only those up to there. Returns the finished ones.

        *evidence* is what was gathered for a command, by its id; one that needs evidence and has none stays pending.

        Raises:
            LockBusy: the lock could not be had within LOCK_PATIENCE_SEC.
        """
        if not self._database.read(lambda session: session.scalars(_ANY_PENDING).one()):
            return []
        return self._patiently(
            lambda session: self._drain(session, up_to_seq=up_to_seq, evidence=evidence or {})
        )

    def apply_halts(self) -> list[BotCommand]:
        """Finish the pending commands up to the last stop or kill, if there is one."""

        def halts(session: Session) -> list[BotCommand]:
            seqs = [command.seq for command in command_log.pending(session) if command.kind in HALTS]
            return self._drain(session, up_to_seq=seqs[-1]) if seqs else []

        return self._patiently(halts)

    def tend(self) -> list[BotCommand]:
        """Finish what may not wait for a worker: commands whose time has run out, and, with all that was issued
        before it, a stop or a pause that nobody applied within SAFER_WITHIN. Returns the finished ones."""
        now = func.clock_timestamp()
        overdue = select(BotCommand.expires_at < now, BotCommand.seq).where(
            BotCommand.status == CommandStatus.QUEUED,
            or_(
                BotCommand.expires_at < now,
                and_(BotCommand.kind.in_(SAFER), BotCommand.issued_at < now - SAFER_WITHIN),
            ),
        )
        late = self._database.read(lambda session: session.execute(overdue).all())
        finished: list[BotCommand] = []
        if safer := [seq for expired, seq in late if not expired]:
            finished += self.apply(up_to_seq=max(safer))
        if any(expired for expired, _ in late):
            finished += self._patiently(self._expire)
        return finished

    def find(self, command_id: UUID) -> BotCommand | None:
        return self._database.read(lambda session: command_log.find(session, command_id))

    def pending(self) -> list[BotCommand]:
        return list(self._database.read(command_log.pending))

    # -- reconciliation ---------------------------------------------------------------------------------------

    def restore(self, actor: str) -> None:
        """Bring the bot back when a worker starts: the gate is closed, a reconciliation is due, and a bot that is not
        enabled is stopped, which the log shows as a command of the system."""

        def restore(session: Session) -> None:
            config, now = self._lock(session)
            _close_gate(config, now, Trigger.STARTUP)
            if config.enabled or config.state is BotState.STOPPED:
                return
            stop = Intention(
                kind=CommandKind.STOP,
                actor=actor,
                source=Source.SYSTEM,
                reason="The worker started and found the bot not enabled.",
            )
            # not enabled is a fact about now: it is not queued behind what is pending
            self._judge(session, command_log.submit(session, stop), config, now, {}, called_off=False)

        self._patiently(restore)

    def claim_reconciliation(self, *, force: bool = False) -> Trigger | None:
        """Take the right to the attempt to reconcile that is due, and say what set it off; None when none is due or
        another process is at it. With *force* the right is taken in any case."""
        now = func.clock_timestamp()
        due = update(BotConfig).where(BotConfig.reconciled_at.is_(None), BotConfig.reconcile_due_at <= now)
        if force:
            due = update(BotConfig).where(BotConfig.reconciled_at.is_(None))
        claimed = due.values(reconcile_due_at=now + timedelta(seconds=ATTEMPT_SEC)).returning(
            BotConfig.reconcile_trigger
        )
        return self._patiently(lambda session: session.scalars(claimed).one_or_none())

    def conclude(self, evidence: Evidence, trigger: Trigger) -> BotReconciliation:
        """Judge *evidence*: the trades, the report and the gate change in one transaction."""

        def conclude(session: Session) -> BotReconciliation:
            config, now = self._lock(session)
            return _conclude(session, config, evidence, now, trigger, None)

        return self._patiently(conclude)

    # -- under the lock ---------------------------------------------------------------------------------------

    def _run(self, work: Callable[[Session], T]) -> T:
        """Run *work* in a transaction; when it is committed, log what it finished."""
        finished: list[BotCommand] = []

        def noting(session: Session) -> T:
            finished.clear()  # it is run again when a connection breaks
            session.info[_FINISHED] = finished
            return work(session)

        result = self._database.run(noting)
        for command in finished:
            _log_finished(command)
        return result

    def _patiently(self, work: Callable[[Session], T]) -> T:
        deadline = time.monotonic() + LOCK_PATIENCE_SEC
        while True:
            try:
                return self._run(work)
            except LockBusy:
                if time.monotonic() > deadline:
                    raise
                if ended := self._database.read(evict_idle_lock_holders):
                    log.warning("ended %s connection(s) that idled while they held the bot's lock", ended)

    def _lock(self, session: Session) -> tuple[BotConfig, datetime]:
        row = session.execute(_LOCKED).one_or_none()
        if row is None:
            session.execute(insert(BotConfig).values(id=SINGLETON).on_conflict_do_nothing())
            row = session.execute(_LOCKED).one()
        config, now = row
        return config, now

    def _expire(self, session: Session) -> list[BotCommand]:
        config, now = self._lock(session)
        late = [command for command in command_log.pending(session) if _is_late(command, now)]
        for command in late:
            _finish_refused(command, config, now, Expired())
        return late

    def _drain(
        self, session: Session, *, up_to_seq: int | None = None, evidence: Mapping[UUID, Any] | None = None
    ) -> list[BotCommand]:
        config, now = self._lock(session)
        pending = command_log.pending(session, up_to_seq=up_to_seq)
        # some may have been accepted since the clock was read
        now = max([now, *(command.issued_at for command in pending)])
        last_halt = max([config.halt_seq, *(command.seq for command in pending if command.kind in HALTS)])
        called_off = 0
        for command in pending:
            if command.kind in CALLED_OFF_BY_HALT and command.seq < last_halt:
                _finish_refused(command, config, now, Superseded())
                called_off += 1
            elif _is_late(command, now):
                _finish_refused(command, config, now, Expired())
            else:
                self._judge(session, command, config, now, evidence or {}, called_off=called_off > 0)
                called_off = 0 if command.kind in HALTS else called_off
        return [command for command in pending if not command.pending]

    def _judge(
        self,
        session: Session,
        command: BotCommand,
        config: BotConfig,
        now: datetime,
        evidence: Mapping[UUID, Any],
        *,
        called_off: bool,
    ) -> None:
        before = config.state
        try:
            after = self._effect(session, command, config, now, evidence.get(command.id), called_off)
        except CommandRefused as refusal:
            _finish_refused(command, config, now, refusal)
            return
        except DBAPIError:
            raise
        except Exception:
            # one command that cannot be judged must not keep those behind it, a kill perhaps, from being
            log.exception("command %s (%s) could not be judged", command.id, command.kind)
            _finish_refused(command, config, now, InvalidParams("The command could not be understood."))
            return
        if after is None:
            return
        config.state = after
        config.enabled = SETS_ENABLED.get(command.kind, config.enabled)
        config.revision += 1
        config.updated_at = now
        if command.kind in HALTS:
            config.halt_seq = max(config.halt_seq, command.seq)
        command.status = CommandStatus.APPLIED
        command.from_state, command.to_state = before, after
        command.mode = config.mode
        command.revision = config.revision
        command.finished_at = now
        _note(command)

    def _effect(
        self,
        session: Session,
        command: BotCommand,
        config: BotConfig,
        now: datetime,
        evidence: Any,
        called_off: bool,
    ) -> BotState | None:
        """Let *command* take effect on *config*, all but its state; None when its evidence is still to come."""
        match command.kind:
            case CommandKind.SET_MODE:
                return self._set_mode(session, command, config, now, evidence)
            case CommandKind.RECONCILE if evidence is None:
                return None
            case CommandKind.STOP if config.state is BotState.STOPPED and called_off:
                return BotState.STOPPED  # it stopped a start from happening
        after = next_state(config.state, command.kind, latched=config.killed)
        match command.kind:
            case CommandKind.KILL:
                config.killed_at, config.kill_reason = now, command.reason
            case CommandKind.REARM:
                config.killed_at, config.kill_reason = None, None
            case CommandKind.UPDATE_CONFIG:
                for name, value in thresholds.check_changes(command.params).items():
                    setattr(config, name, value)
            case CommandKind.RECONCILE:
                _conclude(session, config, evidence, now, Trigger.MANUAL, command.id)
        return after

    def _set_mode(
        self,
        session: Session,
        command: BotCommand,
        config: BotConfig,
        now: datetime,
        preflight: Preflight | None,
    ) -> BotState | None:
        target = wanted_mode(command.params)
        if not mode_switch.judge(session, config, self._settings, target, preflight, now):
            return None
        if target is not config.mode:
            config.mode = target
            _close_gate(config, now, Trigger.MODE_SWITCH)
        return config.state


def wanted_mode(params: Mapping[str, Any]) -> Mode:
    """The mode that a ``set_mode`` asks for.

    Raises:
        InvalidParams: it asks for none that exists.
    """
    try:
        return Mode(params["mode"])
    except (KeyError, ValueError):
        message = "mode must be paper or live"
        raise InvalidParams(details={"fields": {"mode": [message]}}) from None


def _is_late(command: BotCommand, now: datetime) -> bool:
    return command.expires_at is not None and command.expires_at <= now


def _finish_refused(command: BotCommand, config: BotConfig, now: datetime, refusal: CommandRefused) -> None:
    status = {Expired: CommandStatus.EXPIRED, Superseded: CommandStatus.SUPERSEDED}
    command.status = status.get(type(refusal), CommandStatus.REJECTED)
    command.from_state = config.state
    command.mode = config.mode
    command.error_code, command.error = refusal.code, str(refusal)
    command.error_details = refusal.details or None
    command.finished_at = now
    _note(command)


def _note(command: BotCommand) -> None:
    session = object_session(command)
    if session is not None:
        session.info.setdefault(_FINISHED, []).append(command)


def _log_finished(command: BotCommand) -> None:
    took = (command.finished_at or command.issued_at) - command.issued_at
    log.info(
        "%s %s%s",
        command.kind,
        command.status,
        f": {command.error}" if command.error else "",
        extra={
            "command_id": str(command.id),
            "kind": command.kind,
            "actor": command.actor,
            "source": command.source,
            "status": command.status,
            "from_state": command.from_state,
            "to_state": command.to_state,
            "mode": command.mode,
            "revision": command.revision,
            "duration_ms": round(took.total_seconds() * 1000, 1),
            "error_code": command.error_code,
            "reason": command.reason,
        },
    )


def _close_gate(config: BotConfig, now: datetime, trigger: Trigger) -> None:
    config.reconciled_at = None
    config.reconcile_due_at = now
    config.reconcile_trigger = trigger
    config.reconcile_failures = 0


def _conclude(
    session: Session,
    config: BotConfig,
    evidence: Evidence,
    now: datetime,
    trigger: Trigger,
    command_id: UUID | None,
) -> BotReconciliation:
    report = reconciliation.judge(session, config, evidence, now=now, trigger=trigger, command_id=command_id)
    if evidence.mode is not config.mode:
        return report  # superseded: the mode switch closed the gate and has its own attempt due
    if report.outcome is Outcome.OK and config.account_id is None:
        setattr(config, f"{config.mode}_account_id", report.account_id)
    if reconciliation.agrees(report):
        config.reconciled_at = now
        config.reconcile_due_at = config.reconcile_trigger = None
        config.reconcile_failures = 0
    else:
        wait = max(_backoff(config.reconcile_failures), reconciliation.retry_after(evidence))
        config.reconciled_at = None
        config.reconcile_due_at = now + timedelta(seconds=min(wait, RETRY_MOST_SEC))
        config.reconcile_trigger = Trigger.RETRY
        config.reconcile_failures += 1
    return report


def _backoff(failures: int) -> float:
    spread = random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, keeps no secret
    wait = RETRY_FIRST_SEC * 2.0 ** min(failures, 10) * spread
    return min(max(wait, RETRY_FIRST_SEC), RETRY_MOST_SEC)
