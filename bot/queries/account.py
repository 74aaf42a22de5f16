"""The present mode's account at the last reading of the broker, beside what the books hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.models import BotBrokerReading, BotConfig, BotReconciliation, BotTrade, Outcome, TradeStatus
from bot.states import Mode


@dataclass
class Holding:
    """One symbol, at the broker and in the books."""

    symbol: str
    #: Signed; None while the broker's positions are unknown.
    broker_shares: Decimal | None
    #: Shares of the open trades whose entry is known to have filled, minus those exited.
    book_shares: Decimal = Decimal(0)
    avg_entry_price: Decimal | None = None
    current_price: Decimal | None = None
    open_pnl: Decimal | None = None
    trade_ids: list[UUID] = field(default_factory=list)
    #: The kind of the difference that the last usable report names.
    difference: str | None = None


def reading(session: Session) -> BotBrokerReading | None:
    """The last usable reading of the present mode's account."""
    return session.scalars(
        select(BotBrokerReading).join(BotConfig, BotConfig.mode == BotBrokerReading.mode)
    ).one_or_none()


def holdings(session: Session) -> tuple[datetime | None, list[Holding]]:
    """When the broker was read, and both sides by symbol; an open trade belongs to the position of its asset or, if that is
    unknown, of its symbol."""
    last = reading(session)
    mode = session.scalars(select(BotConfig.mode)).one()
    known = last is not None and last.positions is not None
    by_symbol: dict[str, Holding] = {}
    by_asset: dict[str, Holding] = {}
    for position in (last.positions or ()) if last else ():
        by_symbol[position["symbol"]] = found = Holding(
            symbol=position["symbol"],
            broker_shares=Decimal(position["shares"]),
            avg_entry_price=_amount(position, "avgEntryPrice"),
            current_price=_amount(position, "currentPrice"),
            open_pnl=_amount(position, "openPnl"),
        )
        if position.get("assetId"):
            by_asset[position["assetId"]] = found
    for trade in _open_trades(session, mode):
        holding = by_asset.get(trade.asset_id or "") or by_symbol.get(trade.symbol)
        if holding is None:
            holding = by_symbol[trade.symbol] = Holding(trade.symbol, Decimal(0) if known else None)
        holding.trade_ids.append(trade.id)
        if trade.filled:
            holding.book_shares += trade.open_shares
    for symbol, kind in _differences(session, mode).items():
        if symbol in by_symbol:
            by_symbol[symbol].difference = kind
    return last.read_at if last else None, sorted(by_symbol.values(), key=lambda each: each.symbol)


def _open_trades(session: Session, mode: Mode) -> Iterable[BotTrade]:
    return session.scalars(
        select(BotTrade)
        .where(BotTrade.status == TradeStatus.OPEN, func.coalesce(BotTrade.mode, Mode.PAPER) == mode)
        .order_by(BotTrade.created_at)
    )


def _differences(session: Session, mode: Mode) -> dict[str, str]:
    report = session.scalars(
        select(BotReconciliation.differences)
        .where(BotReconciliation.outcome == Outcome.OK, BotReconciliation.mode == mode)
        .order_by(BotReconciliation.id.desc())
        .limit(1)
    ).first()
    return {found["symbol"]: found["kind"] for found in report or ()}


def _amount(position: Mapping[str, Any], name: str) -> Decimal | None:
    value = position.get(name)
    return None if value is None else Decimal(value)
