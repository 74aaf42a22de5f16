"""Judges evidence and writes the report. Call it under the lock on the bot's row: it uses no network and commits nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.broker.errors import AccountBlocked, AccountMismatch, BrokerError, StaleEvidence
from bot.broker.readings import Account
from bot.errors import CredentialsMissing
from bot.models import BotConfig, BotReconciliation, BotSuspension, Outcome, Trigger
from bot.reconciliation import bookkeeping, equity, last_reading, schedule
from bot.reconciliation.evidence import Evidence, ReadFailed, Reading
from bot.states import Mode

#: Evidence older than this when it is judged does not count.
MAX_AGE = timedelta(seconds=10)
#: What Alpaca's account says while it rejects new orders because its user, or Pitboss, said so.
SUSPENDED = "trade_suspended_by_user"


def judge(
    session: Session,
    config: BotConfig,
    evidence: Evidence,
    *,
    now: datetime,
    trigger: Trigger,
    command_id: UUID | None = None,
) -> BotReconciliation:
    """Bring the books up to date with *evidence*, and write the report. Does not change *config*: ``gate_control`` does."""
    report = BotReconciliation(
        trigger=trigger,
        mode=evidence.mode,
        command_id=command_id,
        started_at=evidence.began_at,
        finished_at=now,
        outcome=Outcome.FAILED,
        requests=evidence.requests,
        differences=[],
    )
    session.add(report)
    if isinstance(evidence, Reading):
        report.account_id = evidence.account.id
    error = _objection(session, config, evidence, now)
    if isinstance(evidence, ReadFailed) or error is not None:
        error = error or BrokerError()
        report.error_code, report.error = error.code, str(error)
        return report
    is_newest = not schedule.is_overtaken(config, evidence.began_at, now)
    try:
        with session.begin_nested():
            verdict = bookkeeping.bring_up_to_date(
                session,
                evidence,
                now=now,
                on_startup=_is_of_startup(config, trigger),
                is_newest=is_newest,
                command_id=command_id,
            )
    except StaleEvidence as stale:
        report.error_code, report.error = stale.code, str(stale)
        return report
    if is_newest:
        last_reading.keep(session, evidence)
        equity.keep(session, evidence)
    report.outcome = Outcome.OK
    report.open_trades = sum(group.trades for group in evidence.local.groups)
    report.broker_positions = len(evidence.positions)
    report.matched, report.in_flight = verdict.matched, verdict.in_flight
    report.missed, report.suspect = len(verdict.missed), len(verdict.suspect)
    report.booked, report.corrected, report.voided = (
        len(verdict.exits),
        len(verdict.entries),
        len(verdict.void),
    )
    report.differences = [found.as_json() for found in verdict.differences]
    return report


def agrees(report: BotReconciliation) -> bool:
    """Whether the database and the broker agree, now that the explained differences are booked."""
    return report.outcome is Outcome.OK and not report.differences


def account_objection(
    session: Session, account: Account, config: BotConfig, mode: Mode
) -> BrokerError | None:
    """Why *account* must not be traded on in *mode*; None if it may be.

    It must not if it is not the account that the mode is bound to, if the other mode is bound to it, or if it is blocked.
    """
    ids = {Mode.PAPER: config.paper_account_id, Mode.LIVE: config.live_account_id}
    bound = ids.pop(mode)
    if bound is not None and account.id != bound:
        return AccountMismatch(
            f"The {mode} keys belong to Alpaca account {account.id}, but {mode} mode is bound to {bound}."
            " Put the right keys back."
        )
    if account.id in ids.values():
        return AccountMismatch(
            f"The {mode} keys lead to Alpaca account {account.id}, which is the account of the other mode."
            " Each mode needs the keys of an account of its own."
        )
    objections = account.objections
    if SUSPENDED in objections and _suspends_itself(session, config, mode):
        # earlier trades are booked all the same
        objections = tuple(each for each in objections if each != SUSPENDED)
    if objections:
        return AccountBlocked(f"Alpaca does not let the {mode} account trade: {', '.join(objections)}.")
    return None


def _suspends_itself(session: Session, config: BotConfig, mode: Mode) -> bool:
    """Whether it is Pitboss that has new orders of *mode* rejected: while the bot is killed, and for the moment until that is taken
    off again. If it could not be taken off, somebody has to look."""
    if config.killed and mode is config.mode:
        return True
    own = select(BotSuspension.mode).where(BotSuspension.mode == mode, BotSuspension.error.is_(None))
    return session.scalar(own) is not None


def _is_of_startup(config: BotConfig, trigger: Trigger) -> bool:
    return config.gate_closed_by is Trigger.STARTUP and trigger in (Trigger.STARTUP, Trigger.RETRY)


def _objection(
    session: Session, config: BotConfig, evidence: Evidence, now: datetime
) -> BrokerError | CredentialsMissing | None:
    if isinstance(evidence, ReadFailed):
        return evidence.error
    if evidence.mode is not config.mode:
        return StaleEvidence(f"Alpaca was read in {evidence.mode} mode, but the mode is {config.mode} now.")
    if schedule.is_older_than_gate(config, evidence.began_at, now):
        return StaleEvidence("Alpaca was read before the gate was closed.")
    if now - evidence.read_at > MAX_AGE:
        return StaleEvidence(
            f"What was read at Alpaca was over {MAX_AGE.seconds} s old when it came to be judged."
        )
    return account_objection(session, evidence.account, config, config.mode)
