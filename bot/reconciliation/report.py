"""Compares the open trades with the broker's positions. Three answers: matches, differs, unknown.

``gather`` uses the network and holds no lock; ``judge`` runs under the lock and uses no network. What lies between
them is a Comparison or, when any call to Alpaca failed, Unknown: then no trade is touched.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import column, func, literal, select, text, update
from sqlalchemy.orm import Session

from bot.broker.readings import Account
from bot.errors import (
    AccountBlocked,
    AccountMismatch,
    BrokerError,
    StaleEvidence,
)
from bot.models import BotConfig, BotReconciliation, BotTrade, ExitReason, Outcome, TradeStatus, Trigger
from bot.reconciliation import schedule
from bot.reconciliation.comparison import ZERO, Comparison, Difference
from bot.reconciliation.evidence import Evidence, ReadFailed
from bot.states import Mode

#: Evidence older than this when it is judged does not count.
MAX_AGE = timedelta(seconds=10)


def judge(
    session: Session,
    config: BotConfig,
    evidence: Evidence,
    *,
    now: datetime,
    trigger: Trigger,
    command_id: UUID | None = None,
) -> BotReconciliation:
    """Write off what is missing and report. Call it under the lock on the singleton; it commits nothing, and leaves
    *config* to the controller."""
    report = BotReconciliation(
        trigger=trigger,
        mode=evidence.mode,
        command_id=command_id,
        started_at=evidence.began_at,
        finished_at=now,
        outcome=Outcome.FAILED,
        open_trades=0,
        broker_positions=0,
        matched=0,
        missed=0,
        in_flight=0,
        differences=[],
    )
    session.add(report)
    if isinstance(evidence, Comparison):
        report.account_id = evidence.account.id
        report.open_trades = evidence.open_trades
        report.broker_positions = evidence.broker_positions
    error = _objection(config, evidence, now)
    if error is not None or isinstance(evidence, ReadFailed):
        error = error or BrokerError()
        report.error_code, report.error = error.code, str(error)
        return report

    try:
        with session.begin_nested():
            missed = _write_off(session, evidence, trigger)
            differences = _differences(session, evidence)
    except StaleEvidence as stale:
        report.error_code, report.error = stale.code, str(stale)
        return report
    report.outcome = Outcome.OK
    report.matched, report.in_flight, report.missed = evidence.matched, evidence.in_flight, missed
    report.differences = [found.as_json() for found in differences]
    return report


def agrees(report: BotReconciliation) -> bool:
    """Whether the database and the broker agree now, what was missed being settled."""
    return report.outcome is Outcome.OK and not report.differences


def _objection(config: BotConfig, evidence: Evidence, now: datetime) -> BrokerError | None:
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
    return account_objection(evidence.account, config.account_id, config.mode)


def account_objection(account: Account, bound_id: str | None, mode: Mode) -> BrokerError | None:
    """Why *account* may not be traded on: another one than *bound_id*, or blocked; None when it may."""
    if bound_id is not None and account.id != bound_id:
        return AccountMismatch(
            f"The {mode} keys belong to Alpaca account {account.id}, but {mode} mode is bound to {bound_id}."
            " Put the right keys back."
        )
    if account.blocks:
        return AccountBlocked(
            f"Alpaca has blocked trading on the {mode} account: {', '.join(account.blocks)}."
        )
    return None


def _write_off(session: Session, evidence: Comparison, trigger: Trigger) -> int:
    if not evidence.missing:
        return 0
    by_hand = trigger is Trigger.MANUAL
    note = f"No position at Alpaca ({evidence.mode}) in two reads from {evidence.began_at:%Y-%m-%d %H:%M:%S} UTC on."
    # whoever touched a row since it was read knows more about the trade than the evidence does
    seen = (
        text(
            "SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS timestamptz[])) AS seen(id, version)"
        )
        .bindparams(
            ids=[str(trade.id) for trade in evidence.missing],
            versions=[trade.updated_at for trade in evidence.missing],
        )
        .columns(column("id"), column("version"))
        .subquery("seen")
    )
    written_off = session.execute(
        update(BotTrade)
        .where(
            BotTrade.id == seen.c.id,
            BotTrade.updated_at == seen.c.version,
            BotTrade.status == TradeStatus.OPEN,
        )
        .values(
            status=TradeStatus.MISSED,
            exit_reason=ExitReason.RECONCILED_MISSING
            if by_hand
            else ExitReason.RECONCILED_MISSING_ON_STARTUP,
            note=func.concat_ws("\n", BotTrade.note, literal("Marked before: ") + BotTrade.exit_reason, note),
        )
        .execution_options(synchronize_session=False)
    )
    return int(written_off.rowcount)  # type: ignore[attr-defined]


def _differences(session: Session, evidence: Comparison) -> list[Difference]:
    """What is in dispute still, now that the missing are written off.

    Raises:
        StaleEvidence: trades of a disputed symbol changed since Alpaca was read, and nothing tells how it stands.
    """
    if not evidence.disputed:
        return []
    rows = session.execute(
        select(
            BotTrade.symbol,
            func.sum(BotTrade.shares),
            func.coalesce(func.sum(BotTrade.shares).filter(BotTrade.created_at < evidence.began_at), ZERO),
        )
        .where(
            BotTrade.status == TradeStatus.OPEN,
            BotTrade.symbol == func.any([found.symbol for found in evidence.disputed]),
        )
        .group_by(BotTrade.symbol)
    )
    now = {symbol: (every, compared) for symbol, every, compared in rows}
    differences = []
    for found in evidence.disputed:
        every, compared = now.get(found.symbol, (ZERO, ZERO))
        if every == found.there or found.explained_by(compared):
            continue
        if compared != found.here:
            raise StaleEvidence(f"The trades of {found.symbol} changed while Alpaca was read.")
        differences.append(found)
    return differences
