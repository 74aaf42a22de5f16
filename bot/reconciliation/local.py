"""The database's side of a reconciliation: the open trades and what belongs to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import starmap
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, Text, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Session

from bot.models import (
    BotIgnoredPosition,
    BotTrade,
    BotTradeEvent,
    BotTradeExit,
    ExitSource,
    TradeEventKind,
    TradeStatus,
)
from bot.reconciliation.schedule import REQUESTS_OF_AN_ATTEMPT, requests_made
from bot.settings.settings import Settings
from bot.states import Mode
from bot.storage.pipeline import Pipeline
from bot.storage.statements import MODE_NOW, OPEN_BY_ASSET

#: A position can lag its fill by seconds, and an order its reservation: within this time neither counts as a difference.
LAG = timedelta(seconds=60)
#: A fill can be busted for days: of the trades that were closed within this time, at most this many are checked again. Each
#: asset in question has its turn.
BUST_TIME, MOST_CLOSED = timedelta(days=3), 10


class OpenGroup(msgspec.Struct, frozen=True, gc=False):
    """The open trades of one symbol and asset, added up."""

    symbol: str
    #: Alpaca's id of the asset; None if it is not stored yet.
    asset_id: str | None
    #: Shares that are still held; negative is short.
    shares: Decimal
    trades: int
    #: Whether the broker's record has to be read though the sum agrees: the fill of one of them should have been recorded by
    #: now, or there are long and short ones, of which as many shares can have ended unseen.
    is_in_question: bool


@dataclass(frozen=True)
class Ignored:
    """A quantity of a symbol that an operator declared not to be the bot's."""

    symbol: str
    asset_id: str | None
    shares: Decimal


@dataclass(frozen=True)
class Local:
    """Both of these at the moment *began_at* of the database's clock, in the mode of that moment."""

    mode: Mode
    began_at: datetime
    groups: tuple[OpenGroup, ...]
    ignored: tuple[Ignored, ...] = ()
    #: Requests that may still be made to Alpaca within this minute.
    requests_left: int = REQUESTS_OF_AN_ATTEMPT


@dataclass(frozen=True)
class LocalTrade:
    """One trade that is in question. Shares are signed: negative is short."""

    id: UUID
    symbol: str
    asset_id: str | None
    shares: Decimal
    exited: Decimal
    filled: bool
    entry_price: Decimal
    entry_at: datetime
    order_id: str | None
    exit_order_id: str | None
    #: When an operator set its entry: after that the broker's record does not correct it, and earlier sales are settled with
    #: it.
    adjusted_at: datetime | None
    created_at: datetime
    #: Shows whether the row has changed since.
    updated_at: datetime
    #: Earlier symbols of its asset since it was opened.
    former_symbols: Sequence[str] = ()

    @property
    def held(self) -> Decimal:
        """Shares that are still held by the books."""
        return self.shares - self.exited


@dataclass(frozen=True)
class BookedExit:
    """An exit that is in the books already, of a trade in question or of another one of the same symbol."""

    trade_id: UUID
    symbol: str
    shares: Decimal
    price: Decimal
    order_id: str | None
    fill_id: str | None
    at: datetime
    created_at: datetime
    #: Whether an operator gave it, in a settlement.
    is_settled: bool = False


def read_local(batch: Pipeline, settings: Settings) -> Local:
    """Read the open trades that exist now, added up, and the positions that are ignored."""
    [(mode, began_at)] = batch.send(MODE_NOW())
    rows = batch.send(OPEN_BY_ASSET(began_at, LAG))
    ignored = batch.session.execute(
        select(BotIgnoredPosition.symbol, BotIgnoredPosition.asset_id, BotIgnoredPosition.shares).where(
            BotIgnoredPosition.mode == mode
        )
    )
    made = batch.session.scalars(select(requests_made(func.clock_timestamp()))).one()
    return Local(
        requests_left=max(settings.reconcile_requests_per_min - made, REQUESTS_OF_AN_ATTEMPT),
        mode=Mode(mode),
        began_at=began_at,
        groups=tuple(starmap(OpenGroup, rows)),
        ignored=tuple(Ignored(*row) for row in ignored),
    )


def read_trades(session: Session, symbols: Sequence[str], before: datetime) -> tuple[LocalTrade, ...]:
    """The open trades of *symbols* that were created before *before*, in order of entry."""
    rows = session.execute(
        _local_trades(symbols)
        .where(BotTrade.status == TradeStatus.OPEN, BotTrade.created_at < before)
        .order_by(BotTrade.entry_at, BotTrade.created_at, BotTrade.id)
    )
    return tuple(LocalTrade(*found) for found in rows)


def read_closed(session: Session, symbols: Sequence[str], since: datetime) -> tuple[LocalTrade, ...]:
    """The trades of *symbols* that were closed since *since*, at most MOST_CLOSED: the newest of each asset, then the second
    newest of each, and so on."""
    newest_first = (BotTrade.exit_at.desc(), BotTrade.id)
    turn = func.row_number().over(
        partition_by=func.coalesce(BotTrade.asset_id, BotTrade.symbol), order_by=newest_first
    )
    rows = session.execute(
        _local_trades(symbols)
        .where(BotTrade.status == TradeStatus.CLOSED, BotTrade.exit_at >= since)
        .order_by(turn, *newest_first)
        .limit(MOST_CLOSED)
    )
    return tuple(LocalTrade(*found) for found in rows)


def read_booked_symbols(
    session: Session, assets: Sequence[str], since: datetime
) -> tuple[tuple[str, str], ...]:
    """The ids of *assets*, each with a symbol under which exits are booked that happened since *since*.

    A trade that closed before reconciliation saw its asset's new symbol keeps the old one.
    """
    rows = session.execute(
        select(BotTrade.asset_id, BotTrade.symbol)
        .join(BotTradeExit, BotTradeExit.trade_id == BotTrade.id)
        .where(BotTrade.asset_id == func.any(list(assets)), BotTradeExit.at >= since)
        .distinct()
    )
    return tuple((asset_id, symbol) for asset_id, symbol in rows if asset_id)


def _local_trades(symbols: Sequence[str]) -> Select[*tuple[Any, ...]]:
    former = (
        select(func.array_agg(BotTradeEvent.before["symbol"].astext))
        .where(BotTradeEvent.trade_id == BotTrade.id, BotTradeEvent.kind == TradeEventKind.RENAMED)
        .scalar_subquery()
    )
    return select(
        BotTrade.id,
        BotTrade.symbol,
        BotTrade.asset_id,
        BotTrade.shares,
        BotTrade.exited_shares,
        BotTrade.filled,
        BotTrade.entry_price,
        BotTrade.entry_at,
        BotTrade.alpaca_order_id,
        BotTrade.alpaca_exit_order_id,
        BotTrade.adjusted_at,
        BotTrade.created_at,
        BotTrade.updated_at,
        func.coalesce(former, cast([], ARRAY(Text))),
    ).where(BotTrade.symbol == func.any(list(symbols)))


def read_booked(
    session: Session, symbols: Sequence[str], since: datetime, recent: datetime
) -> tuple[BookedExit, ...]:
    """The exits of *symbols* that happened since *since*, or were booked since *recent*, oldest first."""
    rows = session.execute(
        select(
            BotTradeExit.trade_id,
            BotTrade.symbol,
            BotTradeExit.shares,
            BotTradeExit.price,
            BotTradeExit.order_id,
            BotTradeExit.fill_id,
            BotTradeExit.at,
            BotTradeExit.created_at,
            BotTradeExit.source == ExitSource.SETTLEMENT,
        )
        .join(BotTrade, BotTrade.id == BotTradeExit.trade_id)
        .where(
            BotTrade.symbol == func.any(list(symbols)),
            or_(BotTradeExit.at >= since, BotTradeExit.created_at >= recent),
        )
        .order_by(BotTradeExit.at, BotTradeExit.id)
    )
    return tuple(BookedExit(*row) for row in rows)


def read_entry_orders(session: Session, names: Collection[str]) -> Mapping[str, Decimal]:
    """Those of *names* that are a trade's entry order or its id, after which executors name the order; with the trade's shares."""
    rows = session.execute(
        select(BotTrade.id, BotTrade.alpaca_order_id, BotTrade.shares).where(
            or_(BotTrade.alpaca_order_id == func.any(list(names)), BotTrade.id == func.any(_ids(names)))
        )
    )
    return {name: shares for trade_id, order_id, shares in rows for name in (str(trade_id), order_id) if name}


def _ids(names: Iterable[str]) -> ColumnElement[Any]:
    found = []
    for name in names:
        with suppress(ValueError):
            found.append(UUID(name))
    return cast(found, ARRAY(PgUuid))
