"""Gathers evidence from Alpaca for a command or a due reconciliation, before the lock is taken, and has it judged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import and_, exists, func, or_

from bot.broker.time_limits import GATHERING_LEASE_SEC
from bot.commands import log as command_log
from bot.commands import mode_switch
from bot.commands.controller import Controller
from bot.commands.handlers import CommandEvidence
from bot.models import BotCommand, BotReconciliation, Trigger
from bot.reconciliation import evidence, schedule
from bot.settings.settings import Settings
from bot.states import CommandKind, CommandStatus
from bot.storage.database import Database
from bot.storage.look import Look

log = logging.getLogger(__name__)

#: Reads the evidence for a pending command at Alpaca, without a lock.
Gatherer = Callable[[Database, Settings, BotCommand], CommandEvidence]


def _for_reconcile(database: Database, settings: Settings, command: BotCommand) -> CommandEvidence:
    return evidence.gather(database, settings)


def _for_set_mode(database: Database, settings: Settings, command: BotCommand) -> CommandEvidence:
    return mode_switch.gather(database, settings, mode_switch.wanted_mode(command.params))


#: One for each kind whose row of ``COMMANDS`` says that it needs evidence.
GATHERERS: Mapping[CommandKind, Gatherer] = MappingProxyType(
    {CommandKind.RECONCILE: _for_reconcile, CommandKind.SET_MODE: _for_set_mode}
)

_AWAITS_EVIDENCE = and_(BotCommand.status == CommandStatus.QUEUED, BotCommand.kind.in_(GATHERERS))


class EvidenceGatherer:
    """Gathers evidence for one process. If several processes do, only one of them makes each attempt."""

    def __init__(self, controller: Controller, database: Database, settings: Settings) -> None:
        self._controller = controller
        self._database = database
        self._settings = settings
        is_due = exists().where(schedule.is_due(func.clock_timestamp(), settings))
        self._is_due = Look("is_reconciliation_due", is_due)
        self._is_needed = Look("is_evidence_needed", or_(is_due, exists().where(_AWAITS_EVIDENCE)))

    def is_needed(self) -> bool:
        """Whether an attempt to reconcile is due, or a pending command needs evidence: both are asked for at once.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        return self._is_needed.take(self._database)

    def gather_for(self, command_id: UUID) -> None:
        """Gather the evidence for a pending command and have it judged, unless another process is at it.

        A process that dies meanwhile loses that right at once, one that is frozen after GATHERING_LEASE_SEC.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.holding(command_id) as is_free:
            if not self._database.run(
                lambda session: command_log.claim_gathering(
                    session, command_id, GATHERING_LEASE_SEC, self._settings, is_orphan=is_free
                )
            ):
                return
            command = self._controller.find(command_id)
            if command is not None:
                self._gather(command)

    def reconcile_if_due(self, *, force: bool = False) -> bool:
        """Make the attempt to reconcile that is due; with *force* even if none is due.

        Returns:
            False if none was due, or another process is making it.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        if not force and not self._is_due.take(self._database):
            return False
        trigger = self._controller.claim_reconciliation(force=force)
        if trigger is None:
            return False
        report = self._controller.conclude(evidence.gather(self._database, self._settings), Trigger(trigger))
        _log_report(report)
        return True

    def _gather(self, command: BotCommand) -> None:
        found = GATHERERS[command.kind](self._database, self._settings, command)
        # a reading also answers later reconciliations that were issued before it began
        last = None if command.kind is CommandKind.RECONCILE else command.seq
        self._controller.apply(up_to_seq=last, evidence={command.id: found})
        if command.kind is CommandKind.SET_MODE:
            self.reconcile_if_due()


def _log_report(report: BotReconciliation) -> None:
    """Log one line: what was found, or why nothing is known."""
    found = report.error or (
        f"{report.open_trades} open trades, {report.missed} missed, {len(report.differences)} differences"
    )
    log.info("reconciliation (%s, %s) %s: %s", report.trigger, report.mode, report.outcome, found)
