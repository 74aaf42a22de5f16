"""What one attempt to reconcile reads, here and at Alpaca. It uses the network and holds no lock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.broker.alpaca import ORDERS_ONE_BY_ONE, Alpaca
from bot.errors import (
    BrokerError,
    BrokerTimeout,
    KeysMissing,
)
from bot.models import BotTrade, TradeStatus
from bot.reconciliation.comparison import Comparison, Local, LocalTrade, compare, unequal
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.states import Mode
from bot.storage.database import Database
from bot.storage.pipeline import Pipeline
from bot.storage.statements import MODE_NOW, OPEN_BY_SYMBOL

#: All calls to Alpaca of one attempt end within this time, in seconds.
BROKER_BUDGET_SEC = 9.0
#: A call that does not even respect its own time-outs (name resolution, headers that drip) is left behind then.
WALL_SEC = 12.0
#: Pause between the two reads that a trade is written off on, in seconds.
SECOND_READ_AFTER_SEC = 0.5
#: So long after a trade was reserved its order may still be on its way to Alpaca, its id on the way back.
RESERVATION = timedelta(seconds=60)


@dataclass(frozen=True)
class ReadFailed:
    """Alpaca gave no usable answer."""

    mode: Mode
    began_at: datetime
    error: BrokerError


Evidence = Comparison | ReadFailed


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
            return run_with_timeout(WALL_SEC, lambda: _ask(database, alpaca, here))
    except TimeoutError:
        return ReadFailed(mode=here.mode, began_at=here.began_at, error=BrokerTimeout())
    except BrokerError as error:
        return ReadFailed(mode=here.mode, began_at=here.began_at, error=error)


def retry_after(evidence: Evidence) -> float:
    """Seconds that Alpaca asked to be left alone."""
    return (evidence.error.retry_after_sec or 0.0) if isinstance(evidence, ReadFailed) else 0.0


def _read_here(batch: Pipeline) -> Local:
    [(mode, began_at)] = batch.send(MODE_NOW())
    rows = batch.send(OPEN_BY_SYMBOL(began_at))
    return Local(
        mode=Mode(mode),
        began_at=began_at,
        shares={symbol: shares for symbol, shares, _ in rows},
        trades={symbol: count for symbol, _, count in rows},
    )


def _ask(database: Database, alpaca: Alpaca, here: Local) -> Comparison:
    account = alpaca.account()
    read_at = database.now()
    first = last = alpaca.shares_by_symbol()
    ours = here.shares.keys() & unequal(here, first)
    trades: list[LocalTrade] = []
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
        last = alpaca.shares_by_symbol()
    return compare(here, trades, working, first, last, account=account, read_at=read_at)


def _open_trades(session: Session, symbols: list[str], before: datetime) -> list[LocalTrade]:
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
    return [LocalTrade(*row) for row in rows]
