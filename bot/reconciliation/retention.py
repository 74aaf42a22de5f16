"""Deletes repeated reports: those with a change stay, and one an hour, which shows that reconciliation went on.

A bot that runs all day reconciles every minute: half a million reports a year, of which a few hundred show a change.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from bot.models import BotReconciliation
from bot.models.reconciliation import Trigger

#: Younger reports stay.
KEPT_WHOLE = timedelta(hours=1)
#: How many of the latest reports are checked, and how often, in seconds.
LOOKED_AT, LOOK_SEC = 20_000, 600.0


def thin_out(session: Session) -> int:
    """Delete the reports that repeat the one before, except for the first of each hour. Returns how many were deleted."""
    report = aliased(BotReconciliation)
    said = func.jsonb_build_array(
        *(report.mode, report.outcome, report.error_code, report.account_id, report.differences),
        *(report.open_trades, report.broker_positions, report.suspect),
        func.date_trunc("hour", report.finished_at),
    )
    looked_at = select(
        report.id,
        (said == func.lag(said).over(order_by=report.id)).label("is_the_same"),
        (
            report.command_id.is_(None)
            & (report.trigger == Trigger.PERIODIC)
            & (report.finished_at < func.clock_timestamp() - KEPT_WHOLE)
            & ~or_(
                *(
                    func.coalesce(count, 0) > 0
                    for count in (report.missed, report.booked, report.corrected, report.voided)
                )
            )
        ).label("may_go"),
    ).where(report.id > select(func.max(BotReconciliation.id) - LOOKED_AT).scalar_subquery())
    seen = looked_at.subquery()
    gone = session.scalars(
        delete(BotReconciliation)
        .where(BotReconciliation.id.in_(select(seen.c.id).where(seen.c.is_the_same, seen.c.may_go)))
        .returning(BotReconciliation.id)
    )
    return len(gone.all())
