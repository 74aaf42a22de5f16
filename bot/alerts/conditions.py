"""Detects lasting conditions: no worker is online, or the gate is closed although the bot should trade.

Every web process and every worker checks, so the death of a worker is noticed by another process. What was found is stored in
the database: the next check continues from there, and an alert about each beginning and end is sent once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot import market_hours
from bot.alerts import outbox
from bot.models import AlertKind, BotCondition
from bot.reconciliation.schedule import STALE_INTERVALS, interval
from bot.settings.settings import Settings
from bot.settings.types import MarketHours
from bot.states import BotState, Mode
from bot.status import gate
from bot.status.gate import Reason
from bot.status.heartbeat import LOST_AFTER, OFFLINE_AFTER
from bot.status.snapshot import Snapshot, snapshot, snapshot_in
from bot.storage.database import Database
from bot.storage.look import prepared

#: How often to look, in seconds.
LOOK_SEC = 2.0

#: The clocks may disagree for this long around the opening and the closing bell.
CLOCKS_MAY_DIFFER = timedelta(seconds=30)

#: Number of the advisory lock under which conditions are checked.
_LOCK = 0x70697462_02


@dataclass(frozen=True)
class Finding:
    """One condition at the time of a check."""

    begins: AlertKind
    ends: AlertKind
    holds: bool
    #: When it began, if it was not found before.
    since: datetime
    #: How long it may hold before an alert is sent.
    patience: timedelta
    facts: dict[str, object]


class ConditionMonitor:
    """Checks the conditions of one database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._noted = prepared(
            "conditions_noted", select(BotCondition.name, BotCondition.told_at.is_not(None))
        )

    def check(self) -> None:
        """Note what begins and what ends, and have told what has lasted long enough.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        now, noted = self._database.batched(lambda batch: (snapshot(batch), batch.send(self._noted())))
        told = dict(noted)
        # most of the time all is as it was before, and told
        if any(
            told.get(finding.begins) is not (True if finding.holds else None)
            for finding in findings(now, self._settings)
        ):
            self._database.run(self._look)

    def _look(self, session: Session) -> None:
        # one process checks at a time: an older check must not contradict a newer one
        if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return
        now = snapshot_in(session)
        noted = {row.name: row for row in session.scalars(select(BotCondition))}
        for finding in findings(now, self._settings):
            known = noted.get(finding.begins)
            if finding.holds:
                self._goes_on(session, finding, known, now.now)
            elif known is not None:
                self._has_ended(session, finding, known, now.now)

    def _goes_on(self, session: Session, finding: Finding, known: BotCondition | None, now: datetime) -> None:
        since = known.since if known is not None else finding.since
        if known is None:
            session.execute(
                insert(BotCondition).values(name=finding.begins, since=since).on_conflict_do_nothing()
            )
        elif known.told_at is not None:
            return
        if now - since >= finding.patience:
            session.execute(
                update(BotCondition).where(BotCondition.name == finding.begins).values(told_at=now)
            )
            outbox.put(session, finding.begins, {**finding.facts, "forSec": _sec(now - since)})

    def _has_ended(self, session: Session, finding: Finding, known: BotCondition, now: datetime) -> None:
        session.execute(delete(BotCondition).where(BotCondition.name == finding.begins))
        if known.told_at is not None:
            outbox.put(session, finding.ends, {**finding.facts, "forSec": _sec(now - known.since)})


def findings(now: Snapshot, settings: Settings) -> Sequence[Finding]:
    """Each condition at the time of the snapshot."""
    answer = gate.judge(now, settings)
    seen = now.worker_seen_at
    # after an outage of everything, the worker gets its time to come back from now on
    gone_since = now.now - OFFLINE_AFTER if seen is None else max(seen, now.now - OFFLINE_AFTER)
    clocks = _clocks(now, settings)
    return (
        Finding(
            begins=AlertKind.WORKER_GONE,
            ends=AlertKind.WORKER_BACK,
            holds=not now.worker_online,
            since=gone_since,
            patience=LOST_AFTER,
            facts={"lastSeenAt": None if seen is None else seen.isoformat(timespec="seconds")},
        ),
        Finding(
            begins=AlertKind.GATE_CLOSED,
            ends=AlertKind.GATE_OPENED,
            holds=now.config.state is BotState.RUNNING and _is_wrong(answer.reasons),
            since=now.now,
            patience=timedelta(minutes=settings.alert_gate_closed_min),
            facts={
                "mode": now.config.mode,
                "state": now.config.state,
                "mayOpen": answer.may_open,
                "reasons": list(answer.reasons),
            },
        ),
        *([] if clocks is None else [clocks]),
    )


def _clocks(now: Snapshot, settings: Settings) -> Finding | None:
    """Whether the broker's clock and the calendar of the exchange disagree, unless the settings set the calendar aside. None
    while the last reading is so old that nobody knows: what was told before is neither over nor new then."""
    reading = now.reading
    if reading is None or now.now - reading.read_at > STALE_INTERVALS * interval(settings, now.config.state):
        return None
    by_broker = reading.is_market_open(now.now)
    counts = settings.market_hours is MarketHours.NYSE or now.config.mode is Mode.LIVE
    return Finding(
        begins=AlertKind.CLOCKS_DISAGREE,
        ends=AlertKind.CLOCKS_AGREE,
        holds=counts and by_broker is not market_hours.is_open(now.now, settings.closures),
        since=now.now,
        patience=CLOCKS_MAY_DIFFER,
        facts={"mode": now.config.mode, "brokerOpen": by_broker},
    )


def _is_wrong(reasons: Sequence[Reason]) -> bool:
    """Whether the gate of a running bot is closed for an unusual reason: a closed market or the most positions open are
    normal."""
    return Reason.MARKET_CLOSED not in reasons and bool(set(reasons) - {Reason.MAX_POSITIONS})


def _sec(span: timedelta) -> int:
    return round(span.total_seconds())
