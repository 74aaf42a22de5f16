"""Commands that wait in the log for a second person before they take their turn."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from bot.commands import log, thresholds
from bot.commands.log import NewCommand
from bot.errors import ApprovalNeeded, NotToApprove, OwnCommand, TooManyPending
from bot.models import BotCommand
from bot.settings.settings import Settings
from bot.states import CommandStatus, Source
from bot.status import snapshot
from bot.storage.database import Database
from bot.storage.pipeline import Pipeline
from bot.storage.statements import APPROVE_COMMAND, COMMAND, COUNT_AWAITING

#: The most commands that may wait for a second person at once.
MOST_AWAITING = 20


def for_approval(database: Database, settings: Settings, wanted: NewCommand) -> NewCommand:
    """*wanted*, marked as waiting for a second person if APPROVALS and the present thresholds require it.

    Raises:
        ApprovalNeeded: it would have to wait, but its sender is not known.
        TooManyPending: MOST_AWAITING commands wait already.
    """

    def waits(batch: Pipeline) -> bool:
        if batch.send(COUNT_AWAITING())[0][0] >= MOST_AWAITING:
            raise TooManyPending("Too many commands wait for approval; this one was not accepted.")
        if wanted.kind in settings.needs_approval.kinds:
            return True
        return thresholds.raise_risk(snapshot.config(batch), wanted.params)

    if wanted.source is Source.SYSTEM or not database.batched(waits):
        return wanted
    if wanted.source is Source.CELERY:
        raise ApprovalNeeded()
    return replace(wanted, awaits_approval=True)


def approve(batch: Pipeline, command_id: UUID, by: str) -> BotCommand:
    """Approve a command that waits for a second person: from now on it is pending like any other.

    Raises:
        NotToApprove: it does not wait for approval, or not any more. OwnCommand: *by* is the person who asked for it.
    """
    found = log.find(batch, command_id)
    if found is None or found.status is not CommandStatus.AWAITING_APPROVAL:
        raise NotToApprove()
    if found.actor == by:
        raise OwnCommand()
    rows = batch.send(APPROVE_COMMAND(command_id, by, log.lifetime_of(found.kind)), decides=True)
    if not rows:
        raise NotToApprove("The time to approve it is over.")
    return COMMAND.instance(COMMAND.values(rows[0]))
