"""Opens and closes the gate by the result of a reconciliation. Call it under the lock on the bot's row; it commits nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from bot.broker.errors import AccountBlocked, AccountMismatch
from bot.models import BotConfig, BotReconciliation, Outcome, Trigger
from bot.reconciliation import schedule
from bot.reconciliation.evidence import Evidence, retry_after
from bot.reconciliation.judgement import SECOND_READING_AFTER
from bot.reconciliation.report import agrees, judge
from bot.settings.settings import Settings
from bot.storage.locked_bot import LockedBot

#: Errors that say that the account may not be traded on: they close an open gate at once. All others say nothing.
CLOSING = frozenset({AccountBlocked.code, AccountMismatch.code})


def close_gate(config: BotConfig, now: datetime, trigger: Trigger) -> None:
    """Close the gate until a reconciliation that begins after this finds agreement; one is due at once."""
    config.reconciled_at = None
    config.gate_closed_at = now
    config.gate_closed_by = trigger
    config.reconcile_failures = 0
    ask_for_attempt(config, now, trigger)


def ask_for_attempt(config: BotConfig, now: datetime, trigger: Trigger) -> None:
    """Make a reconciliation due at once; while the gate is closed, its trigger stays what closed the gate."""
    config.reconcile_due_at = now
    if config.reconciled_at is not None or trigger is not Trigger.PERIODIC:
        config.reconcile_trigger = trigger


def repeat(locked: LockedBot, report: BotReconciliation, command_id: UUID) -> None:
    """Write the *report* again for another command that the same reading answers."""
    columns = {column.key for column in BotReconciliation.__table__.columns} - {
        "id",
        "command_id",
        "requests",
    }
    locked.session.add(
        BotReconciliation(
            command_id=command_id,
            **{name: getattr(report, name) for name in columns},
            requests=0,
        )
    )


def conclude(
    locked: LockedBot, evidence: Evidence, trigger: Trigger, command_id: UUID | None, settings: Settings
) -> BotReconciliation:
    """Judge *evidence* under the lock, bring the books up to date, and open or close the gate by it."""
    config, now = locked.config, locked.now
    report = judge(locked.session, config, evidence, now=now, trigger=trigger, command_id=command_id)
    if (
        evidence.mode is not config.mode
        or schedule.is_older_than_gate(config, evidence.began_at, now)
        or schedule.is_overtaken(config, evidence.began_at, now)
    ):
        return report  # a newer attempt decides about the gate, or has decided
    config.reconcile_began_at = evidence.began_at
    if report.outcome is Outcome.OK and config.account_id is None:
        setattr(config, f"{config.mode}_account_id", report.account_id)
    if agrees(report):
        config.reconciled_at = config.agreed_at = now
        config.gate_closed_by = None
        config.reconcile_failures = 0
        if schedule.was_asked_since(config, evidence.began_at, now):
            return report  # a halt or a settlement came in between: the attempt that it asked for is still to be made
        every = schedule.interval(settings, config.state)
        config.reconcile_due_at = now + max(every, timedelta(seconds=retry_after(evidence)))
        config.reconcile_trigger = Trigger.PERIODIC
        return report
    # nothing that is unknown closes an open gate: its agreement ages instead
    if report.outcome is Outcome.OK or report.error_code in CLOSING:
        config.reconciled_at = None
    asked = retry_after(evidence)
    wait = timedelta(seconds=schedule.wait_sec(config.reconcile_failures, asked))
    if report.suspect:
        wait = max(SECOND_READING_AFTER, timedelta(seconds=asked))
    config.reconcile_due_at = now + wait
    config.reconcile_trigger = Trigger.RETRY
    config.reconcile_failures += 1
    return report
