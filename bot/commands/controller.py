"""The only writer of ``bot_config``: judges pending commands and finishes them, in order, under the lock.

The lock is the singleton row. Each caller finishes all pending commands, its own and those of others, so it does not matter
which process is woken, how often, or in which order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from bot.commands import approval, endings, finished_line, unlogged_kill
from bot.commands import log as command_log
from bot.commands.handlers import CommandEvidence, CommandHandlers
from bot.commands.log import NewCommand
from bot.errors import (
    CommandRefused,
    DatabaseFull,
    DatabaseUnavailable,
    IdempotencyConflict,
    LockBusy,
    NotToApprove,
)
from bot.models import BotCommand, BotReconciliation, Trigger
from bot.reconciliation import schedule
from bot.reconciliation.evidence import Evidence
from bot.reconciliation.gate_control import close_gate, conclude
from bot.settings.settings import Settings
from bot.states import BotState, CommandKind, Source
from bot.status import snapshot
from bot.storage.database import Database
from bot.storage.locked_bot import LockedBot, patiently, with_locked_bot
from bot.storage.pipeline import Pipeline, Step
from bot.storage.statements import READ_LOCKED, READ_LOCKED_UNAPPROVED, WINDOW

T = TypeVar("T")

#: A stop or a pause that is pending for longer is applied by web, too.
SAFER_WITHIN = timedelta(seconds=1)

log = logging.getLogger(__name__)


class Controller:
    """Changes the bot's state, by commands from the log and by nothing else."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._handlers = CommandHandlers(settings)

    # -- commands ---------------------------------------------------------------------------------------------

    def submit(self, wanted: NewCommand) -> BotCommand:
        """Put *wanted* into the log. It is durable when this returns. If APPROVALS requires it, it waits there for a second person.

        Raises:
            ApprovalNeeded: it would need approval, but its sender is not known.
            IdempotencyConflict: its key was used for another command.
            OutcomeUnknown: it may or may not be in the log; look for its id later.
            DatabaseUnavailable: it is not in the log.
        """
        if self._settings.needs_approval.concern(wanted.kind):
            wanted = approval.for_approval(self._database, self._settings, wanted)
        return self._database.batched(lambda batch: command_log.submit(batch, wanted))

    def approve(self, command_id: UUID, by: str) -> BotCommand:
        """Approve a command that waits for a second person, who is *by*.

        Raises:
            NotToApprove: it does not wait for approval, or not any more. OwnCommand: *by* is the person who asked for it.
        """
        return self._database.batched(lambda batch: approval.approve(batch, command_id, by))

    def reject(self, command_id: UUID, by: str) -> BotCommand:
        """Reject a command that waits for a second person. Whoever asked for it may do so, too.

        Raises:
            NotToApprove: it does not wait for approval, or not any more.
        """
        read = READ_LOCKED_UNAPPROVED(command_id)
        finished = self._locked(lambda locked: endings.end_unapproved(locked, by), read)
        command = next((each for each in finished if each.id == command_id), None)
        if command is None:
            raise NotToApprove()
        return command

    def kill(self, wanted: NewCommand) -> BotCommand:
        """Put *wanted*, a kill, into the log and finish it, if possible in one transaction. Needs neither Redis nor a worker.

        It is judged alone, so the number of pending commands does not delay it; the commands that it supersedes are finished
        later. If the lock is busy, or Postgres goes away meanwhile, the kill is durable and stays pending. If its row cannot
        be written, it takes effect without it (see ``bot.commands.unlogged_kill``).

        Raises:
            OutcomeUnknown, DatabaseUnavailable: as ``submit`` does.
        """

        def at_once(batch: Pipeline) -> tuple[BotCommand, LockedBot]:
            locked = LockedBot.take(batch, new=command_log.new_step(wanted))
            unlogged_kill.write_row(locked)
            mine = next((each for each in [*locked.finished, *locked.new] if each.id == wanted.id), None)
            if mine is None:
                # its key was used before: then it is another row, which may have been finished during the wait for the lock
                mine = command_log.find_kill(batch, wanted, is_killed=locked.config.killed)
            if mine.pending:
                self._handlers.judge(locked, mine, {}, superseded_some=False)
            locked.commit()
            return mine, locked

        try:
            try:
                command, locked = self._database.batched(at_once)
            except LockBusy:
                return self._kill_in_turn(wanted)
        except DatabaseFull as error:
            return unlogged_kill.apply(self._database, wanted, error)
        _log_finished(locked)
        return command

    def submit_refused(self, wanted: NewCommand, refusal: CommandRefused) -> None:
        """Put *wanted* into the log as rejected, without judging it, unless it is in the log already.

        Raises:
            OutcomeUnknown, DatabaseUnavailable: as ``submit`` does.
        """

        def refuse(batch: Pipeline) -> LockedBot:
            locked = LockedBot.take(batch, new=command_log.new_step(wanted))
            unlogged_kill.write_row(locked)
            for command in locked.new:
                endings.reject(locked, command, refusal)
            locked.commit()
            return locked

        locked = patiently(self._database, lambda: self._database.batched(refuse))
        _log_finished(locked)

    def apply(
        self,
        *,
        up_to_seq: int | None = None,
        evidence: Mapping[UUID, CommandEvidence] | None = None,
        look_first: bool = True,
    ) -> list[BotCommand]:
        """Finish the pending commands, in order; with *up_to_seq* only those up to there. Returns the finished ones.

        *evidence* is what was gathered for commands, by their ids; a command that needs evidence and has none stays pending. The
        lock is released every WINDOW commands, so that a long backlog does not block others. Without *look_first* the lock is
        taken without checking first whether anything is pending.

        Raises:
            LockBusy: the lock was not free within LOCK_PATIENCE_SEC.
        """
        given = dict(evidence or {})
        if look_first and not given and not self._database.batched(command_log.anything_to_finish):
            return []
        return self._by_windows(
            lambda locked: self._handlers.drain(locked, up_to_seq=up_to_seq, evidence=given),
            up_to_seq=up_to_seq,
            with_waiting=bool(given),
        )

    def apply_halts(self) -> list[BotCommand]:
        """Finish the pending commands up to the last stop or kill, if there is one."""
        last = self._database.batched(command_log.last_pending_halt)
        return [] if last is None else self.apply(up_to_seq=last)

    def apply_overdue(self) -> list[BotCommand]:
        """Finish what must not wait for a worker: commands that are superseded or expired, and, if a stop or a pause was not
        applied within SAFER_WITHIN, everything up to the last of these. Returns the finished commands."""
        overdue = self._database.batched(lambda batch: command_log.overdue(batch, SAFER_WITHIN))
        finished: list[BotCommand] = []
        if overdue.overdue:
            finished += self.apply(up_to_seq=overdue.last_safer)
        if overdue.over:
            finished += self._by_windows(endings.end_overdue)
        if overdue.unapproved:
            finished += self._locked(endings.end_unapproved, READ_LOCKED_UNAPPROVED(None))
        return finished

    def awaiting_evidence(self, limit: int) -> list[BotCommand]:
        """The first pending commands that need evidence."""
        return self._database.batched(lambda batch: command_log.awaiting_evidence(batch, limit))

    def find(self, command_id: UUID) -> BotCommand | None:
        """The command with this id; None if it is not in the log."""
        return self._database.batched(lambda batch: command_log.find(batch, command_id))

    def pending(self) -> list[BotCommand]:
        """The commands that are not finished, in order."""
        return self._database.batched(command_log.pending)

    # -- reconciliation ---------------------------------------------------------------------------------------

    def restore(self, actor: str) -> None:
        """Restore the bot when a worker starts: close the gate, make a reconciliation due, and stop a bot that is not enabled,
        which the log shows as a command of the system."""

        def restore(locked: LockedBot) -> None:
            config = locked.config
            close_gate(config, locked.now, Trigger.STARTUP)
            if config.enabled or config.state is BotState.STOPPED:
                return
            stop = NewCommand(
                kind=CommandKind.STOP,
                actor=actor,
                source=Source.SYSTEM,
                reason="The worker started and found the bot not enabled.",
            )
            # that it is not enabled is known now: the stop does not wait for the pending commands
            self._handlers.judge(locked, command_log.submit(locked.batch, stop), {}, superseded_some=False)

        self._locked(restore)

    def claim_reconciliation(self, *, force: bool = False) -> Trigger | None:
        """Take the right to the attempt to reconcile that is due, and return what triggered it; None if none is due or another
        process makes it. With *force* the right is taken in any case."""
        claim = schedule.claim(self._settings, force=force)
        return patiently(
            self._database,
            lambda: self._database.run(lambda session: next(map(Trigger, session.scalars(claim)), None)),
        )

    def conclude(self, evidence: Evidence, trigger: Trigger) -> BotReconciliation:
        """Judge *evidence*: the trades, the report and the gate change in one transaction."""
        return self._locked(lambda locked: conclude(locked, evidence, trigger, None, self._settings))

    # -- a kill when the usual way fails ----------------------------------------------------------------------

    def _kill_in_turn(self, wanted: NewCommand) -> BotCommand:
        """Put *wanted* into the log, which needs no lock, and finish it after those before it; if that fails, it stays pending."""
        command = self._submit_once(wanted)
        try:
            self.apply(up_to_seq=command.seq)
            return self.find(command.id) or command
        except DatabaseUnavailable as error:
            log.warning("%s %s is pending: %s", command.kind, command.id, error)
            return command

    def _submit_once(self, kill: NewCommand) -> BotCommand:
        """Put *kill* into the log; without its key where that was used for another command, or for a kill that holds no more."""
        try:
            command = self.submit(kill)
            if command.pending or command.id == kill.id or self._database.batched(snapshot.config).killed:
                return command
        except IdempotencyConflict:
            pass
        return self.submit(replace(kill, idempotency_key=None))

    # -- under the lock ---------------------------------------------------------------------------------------

    def _by_windows(
        self,
        work: Callable[[LockedBot], list[BotCommand]],
        *,
        up_to_seq: int | None = None,
        with_waiting: bool = False,
    ) -> list[BotCommand]:
        """Run *work* on each window of the pending commands in turn, each in a transaction of its own; *with_waiting* includes
        those that only wait for evidence. Returns the finished commands."""
        finished: list[BotCommand] = []
        after_seq = 0
        while True:
            seqs: list[int] = []

            def on_window(locked: LockedBot, seqs: list[int] = seqs) -> list[BotCommand]:
                seqs[:] = [command.seq for command in locked.pending]
                return work(locked)

            finished += self._locked(on_window, READ_LOCKED(after_seq, with_waiting))
            if len(seqs) < WINDOW or (up_to_seq is not None and seqs[-1] >= up_to_seq):
                return finished
            after_seq = seqs[-1]

    def _locked(self, work: Callable[[LockedBot], T], read: Step | None = None) -> T:
        """Run *work* on the locked row in one transaction, and log what it finished after the commit."""

        def with_row(locked: LockedBot) -> tuple[T, LockedBot]:
            unlogged_kill.write_row(locked)
            return work(locked), locked

        result, locked = with_locked_bot(self._database, with_row, read)
        _log_finished(locked)
        return result


def _log_finished(locked: LockedBot) -> None:
    for command in locked.finished:
        log.info("%s", finished_line.text(command), extra=finished_line.fields(command))
