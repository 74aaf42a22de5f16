"""Opens and closes the gate by what a reconciliation found. Call it under the lock on the bot's row; it commits nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from bot.models import BotConfig, BotReconciliation, Outcome, Trigger
from bot.reconciliation import schedule
from bot.reconciliation.evidence import Evidence, retry_after
from bot.reconciliation.report import agrees, judge
from bot.storage.locked_bot import LockedBot


def close_gate(config: BotConfig, now: datetime, trigger: Trigger) -> None:
    """Close the gate, and have a reconciliation attempted at once."""
    config.reconciled_at = None
    config.gate_closed_at = now
    config.reconcile_due_at = now
    config.reconcile_trigger = trigger
    config.reconcile_failures = 0


def conclude(
    locked: LockedBot, evidence: Evidence, trigger: Trigger, command_id: UUID | None
) -> BotReconciliation:
    """Judge *evidence* under the lock, and open or close the gate by it. Commits nothing."""
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
        config.reconciled_at = now
        config.reconcile_due_at = config.reconcile_trigger = None
        config.reconcile_failures = 0
    else:
        wait = schedule.wait_sec(config.reconcile_failures, retry_after(evidence))
        config.reconciled_at = None
        config.reconcile_due_at = now + timedelta(seconds=wait)
        config.reconcile_trigger = Trigger.RETRY
        config.reconcile_failures += 1
    return report
