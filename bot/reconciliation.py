"""Compares the open trades with the broker's positions. Three answers: matches, differs, unknown.

``gather`` uses the network and holds no lock; ``judge`` runs under the lock and uses no network. What lies between
them is a Comparison or, when any call to Alpaca failed, Unknown: then no trade is touched.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from bot.alpaca import Account, Alpaca
from bot.database import Database
from bot.errors import (
    AccountBlocked,
    AccountMismatch,
    BrokerError,
    BrokerTimeout,
    KeysMissing,
    StaleEvidence,
)
from bot.models import BotConfig, BotReconciliation, BotTrade, ExitReason, Outcome, TradeStatus, Trigger
from bot.settings import Settings
from bot.states import Mode

T = TypeVar("T")

#: Evidence older than this when it is judged does not count.
MAX_AGE = timedelta(seconds=10)
#: All calls to Alpaca of one attempt end within this time, in seconds.
BROKER_BUDGET_SEC = 9.0
#: A call that does not even respect its own time-outs (name resolution, headers that drip) is left behind then.
WALL_SEC = 12.0
#: Pause between the two reads that a trade is written off on, in seconds.
SECOND_READ_AFTER_SEC = 0.5


@dataclass(frozen=True)
class Difference:
    """A symbol on which both sides disagree; shares are signed, short is negative."""

    symbol: str
    kind: str  # unknown_here, quantity or side
    here: Decimal
    there: Decimal

    def as_json(self) -> dict[str, Any]:
        return {"symbol": self.symbol, "kind": self.kind, "here": str(self.here), "there": str(self.there)}


@dataclass(frozen=True)
class Comparison:
    """What was read, and what follows from it."""

    mode: Mode
    began_at: datetime
    #: When the last read of the positions began: the evidence's age counts from here.
    read_at: datetime
    account: Account
    open_trades: int
    broker_positions: int
    matched: Mapping[str, int]  # symbol -> trades
    in_flight: Mapping[str, int]  # symbol -> trades whose order still works
    missing: Mapping[UUID, str]  # trade -> symbol: absent in two reads, and its order is not working
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Unknown:
    """Alpaca gave no usable answer."""

    mode: Mode
    began_at: datetime
    error: BrokerError


Evidence = Comparison | Unknown


@dataclass(frozen=True)
class _Here:
    began_at: datetime
    mode: Mode
    shares: Mapping[str, Decimal]
    trades: Mapping[str, int]


def gather(database: Database, settings: Settings) -> Evidence:
    """Read both sides. Ends within WALL_SEC whatever Alpaca does.

    Raises:
        DatabaseUnavailable: Postgres is away.
    """
    here = database.read(_read_here)
    try:
        access = settings.alpaca(here.mode)
        if access is None:
            raise KeysMissing(
                f"The {here.mode} account has no keys: set ALPACA_{here.mode.upper()}_API_KEY and _SECRET."
            )
        return within(
            WALL_SEC, lambda: _compare(database, Alpaca(access, budget_sec=BROKER_BUDGET_SEC), here)
        )
    except BrokerError as error:
        return Unknown(mode=here.mode, began_at=here.began_at, error=error)


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
    if error is not None or isinstance(evidence, Unknown):
        error = error or BrokerError()
        report.error_code, report.error = error.code, str(error)
        return report

    moving = set(
        session.scalars(select(BotTrade.symbol).distinct().where(BotTrade.updated_at >= evidence.began_at))
    )
    report.outcome = Outcome.OK
    report.matched = sum(count for symbol, count in evidence.matched.items() if symbol not in moving)
    report.in_flight = sum(evidence.in_flight.values())
    report.differences = [found.as_json() for found in evidence.differences if found.symbol not in moving]
    missing = [trade for trade, symbol in evidence.missing.items() if symbol not in moving]
    if missing:
        report.missed = _write_off(session, missing, evidence, trigger)
    return report


def agrees(report: BotReconciliation) -> bool:
    """Whether the database and the broker agree now, what was missed being settled."""
    return report.outcome is Outcome.OK and not report.differences


def retry_after(evidence: Evidence) -> float:
    """Seconds that Alpaca asked to be left alone."""
    return (evidence.error.retry_after_sec or 0.0) if isinstance(evidence, Unknown) else 0.0


def within(seconds: float, work: Callable[[], T]) -> T:
    """The result of *work*, or BrokerTimeout when it takes longer; it is then left behind in its thread."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def attempt() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            failure.append(error)

    thread = threading.Thread(target=attempt, name="alpaca", daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not outcome:
        raise BrokerTimeout()
    return outcome[0]


def _objection(config: BotConfig, evidence: Evidence, now: datetime) -> BrokerError | None:
    if isinstance(evidence, Unknown):
        return evidence.error
    if evidence.mode is not config.mode:
        return StaleEvidence(f"Alpaca was read in {evidence.mode} mode, but the mode is {config.mode} now.")
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


def _read_here(session: Session) -> _Here:
    mode, began_at = session.execute(select(BotConfig.mode, func.clock_timestamp())).one()
    rows = session.execute(
        select(BotTrade.symbol, func.sum(BotTrade.shares), func.count())
        .where(BotTrade.status == TradeStatus.OPEN)
        .group_by(BotTrade.symbol)
    ).all()
    return _Here(
        began_at=began_at,
        mode=mode,
        shares={symbol: shares for symbol, shares, _ in rows},
        trades={symbol: count for symbol, _, count in rows},
    )


def _compare(database: Database, alpaca: Alpaca, here: _Here) -> Comparison:
    account = alpaca.account()
    read_at = database.now()
    first = last = alpaca.positions()

    unequal = [symbol for symbol, shares in here.shares.items() if first.get(symbol) != shares]
    trades: list[tuple[UUID, str, str | None]] = []
    working: set[str] = set()
    if unequal:
        trades = database.read(lambda session: _open_trades(session, unequal, here.began_at))
        working = alpaca.working_orders({order for _, _, order in trades if order})
    if any(symbol not in first for symbol in unequal):
        # between its fill and its booking a position can be absent for a moment: ask again before writing off
        time.sleep(SECOND_READ_AFTER_SEC)
        read_at = database.now()
        last = alpaca.positions()

    in_flight: dict[str, int] = {}
    for _, symbol, order in trades:
        if order in working:
            in_flight[symbol] = in_flight.get(symbol, 0) + 1
    missing = {
        trade: symbol
        for trade, symbol, order in trades
        if symbol not in first and symbol not in last and order not in working
    }
    settled = set(in_flight) | set(missing.values())
    matched: dict[str, int] = {}
    differences: list[Difference] = []
    for symbol in sorted(here.shares.keys() | last.keys()):
        ours, theirs = here.shares.get(symbol, Decimal(0)), last.get(symbol, Decimal(0))
        if ours == theirs and symbol in here.shares:
            matched[symbol] = here.trades[symbol]
        elif ours != theirs and symbol not in settled:
            differences.append(Difference(symbol, _kind(symbol in here.shares, ours, theirs), ours, theirs))
    return Comparison(
        mode=here.mode,
        began_at=here.began_at,
        read_at=read_at,
        account=account,
        open_trades=sum(here.trades.values()),
        broker_positions=len(last),
        matched=matched,
        in_flight=in_flight,
        missing=missing,
        differences=tuple(differences),
    )


def _kind(known: bool, ours: Decimal, theirs: Decimal) -> str:
    if not known:
        return "unknown_here"
    return "side" if ours * theirs < 0 else "quantity"


def _open_trades(
    session: Session, symbols: list[str], before: datetime
) -> list[tuple[UUID, str, str | None]]:
    rows = session.execute(
        select(BotTrade.id, BotTrade.symbol, BotTrade.alpaca_order_id).where(
            BotTrade.status == TradeStatus.OPEN,
            BotTrade.created_at < before,
            BotTrade.symbol == func.any(symbols),
        )
    )
    return [(trade, symbol, order) for trade, symbol, order in rows]


def _write_off(session: Session, trades: list[UUID], evidence: Comparison, trigger: Trigger) -> int:
    by_hand = trigger is Trigger.MANUAL
    note = f"No position at Alpaca ({evidence.mode}) in two reads from {evidence.began_at:%Y-%m-%d %H:%M:%S} UTC on."
    written_off = session.execute(
        update(BotTrade)
        .where(
            BotTrade.id
            == text("ANY(CAST(:missing AS uuid[]))").bindparams(missing=[str(trade) for trade in trades]),
            BotTrade.status == TradeStatus.OPEN,
            BotTrade.created_at < evidence.began_at,
        )
        .values(
            status=TradeStatus.MISSED,
            exit_reason=ExitReason.RECONCILED_MISSING
            if by_hand
            else ExitReason.RECONCILED_MISSING_ON_STARTUP,
            note=func.concat_ws("\n", BotTrade.note, note),
        )
        .execution_options(synchronize_session=False)
    )
    return int(written_off.rowcount)  # type: ignore[attr-defined]
