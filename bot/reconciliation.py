"""Compares the open trades with the broker's positions. Three answers: matches, differs, unknown.

``gather`` uses the network and holds no lock; ``judge`` runs under the lock and uses no network. What lies between
them is a Comparison or, when any call to Alpaca failed, Unknown: then no trade is touched.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import column, func, literal, select, text, update
from sqlalchemy.orm import Session

from bot import attempt
from bot.alpaca import ORDERS_ONE_BY_ONE, Account, Alpaca
from bot.batch import Batch, Statement
from bot.comparison import ZERO, Comparison, Disputed, Here, OpenTrade, compare, unequal
from bot.database import Database
from bot.deadline import within
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

#: Evidence older than this when it is judged does not count.
MAX_AGE = timedelta(seconds=10)
#: All calls to Alpaca of one attempt end within this time, in seconds.
BROKER_BUDGET_SEC = 9.0
#: A call that does not even respect its own time-outs (name resolution, headers that drip) is left behind then.
WALL_SEC = 12.0
#: Pause between the two reads that a trade is written off on, in seconds.
SECOND_READ_AFTER_SEC = 0.5
#: So long after a trade was reserved its order may still be on its way to Alpaca, its id on the way back.
RESERVATION = timedelta(seconds=60)

_MODE = Statement("mode_of_bot", "SELECT mode, clock_timestamp() FROM bot_config")
_OPEN_BY_SYMBOL = Statement(
    "open_trades_by_symbol",
    f"SELECT symbol, sum(shares), count(*) FROM bot_trade WHERE status = '{TradeStatus.OPEN}' AND created_at < $1"  # noqa: S608 - made of constants
    " GROUP BY symbol",
    1,
)


@dataclass(frozen=True)
class Unknown:
    """Alpaca gave no usable answer."""

    mode: Mode
    began_at: datetime
    error: BrokerError


Evidence = Comparison | Unknown


def gather(database: Database, settings: Settings) -> Evidence:
    """Read both sides. Ends within WALL_SEC whatever Alpaca does.

    Raises:
        DatabaseUnavailable: Postgres is away.
    """
    here = database.batched(_read_here)
    try:
        access = settings.alpaca(here.mode)
        if access is None:
            raise KeysMissing(
                f"The {here.mode} account has no keys: set ALPACA_{here.mode.upper()}_API_KEY and _SECRET."
            )
        with Alpaca(access, budget_sec=BROKER_BUDGET_SEC) as alpaca:
            return within(WALL_SEC, lambda: _ask(database, alpaca, here))
    except TimeoutError:
        return Unknown(mode=here.mode, began_at=here.began_at, error=BrokerTimeout())
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


def retry_after(evidence: Evidence) -> float:
    """Seconds that Alpaca asked to be left alone."""
    return (evidence.error.retry_after_sec or 0.0) if isinstance(evidence, Unknown) else 0.0


def _objection(config: BotConfig, evidence: Evidence, now: datetime) -> BrokerError | None:
    if isinstance(evidence, Unknown):
        return evidence.error
    if evidence.mode is not config.mode:
        return StaleEvidence(f"Alpaca was read in {evidence.mode} mode, but the mode is {config.mode} now.")
    if attempt.is_older_than_gate(config, evidence.began_at, now):
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


def _read_here(batch: Batch) -> Here:
    [(mode, began_at)] = batch.send(_MODE())
    rows = batch.send(_OPEN_BY_SYMBOL(began_at))
    return Here(
        mode=Mode(mode),
        began_at=began_at,
        shares={symbol: shares for symbol, shares, _ in rows},
        trades={symbol: count for symbol, _, count in rows},
    )


def _ask(database: Database, alpaca: Alpaca, here: Here) -> Comparison:
    account = alpaca.account()
    read_at = database.now()
    first = last = alpaca.positions()
    ours = here.shares.keys() & unequal(here, first)
    trades: list[OpenTrade] = []
    orders: dict[str, str] = {}
    working: set[str] = set()
    if ours:
        trades = database.read(lambda session: _open_trades(session, list(ours), here.began_at))
        orders = {trade.order: trade.symbol for trade in trades if trade.order}
        working = alpaca.working_orders(orders)
    if ours - first.keys():
        # between its fill and its booking a position can be absent for a moment: ask again before writing off
        time.sleep(SECOND_READ_AFTER_SEC)
        if len(orders) > ORDERS_ONE_BY_ONE:
            # an order is finished when two lists leave it out, and what filled by then shows in the positions below
            working |= alpaca.working_orders(orders)
        read_at = database.now()
        last = alpaca.positions()
    return compare(here, trades, working, first, last, account=account, read_at=read_at)


def _open_trades(session: Session, symbols: list[str], before: datetime) -> list[OpenTrade]:
    rows = session.execute(
        select(
            BotTrade.id,
            BotTrade.symbol,
            BotTrade.shares,
            BotTrade.alpaca_order_id,
            ~BotTrade.filled
            & BotTrade.alpaca_order_id.is_(None)
            & (BotTrade.created_at > before - RESERVATION),
            BotTrade.updated_at,
        )
        .where(
            BotTrade.status == TradeStatus.OPEN,
            BotTrade.created_at < before,
            BotTrade.symbol == func.any(symbols),
        )
        .order_by(BotTrade.created_at.desc())  # the newest order is the likeliest to work
    )
    return [OpenTrade(*row) for row in rows]


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


def _differences(session: Session, evidence: Comparison) -> list[Disputed]:
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
