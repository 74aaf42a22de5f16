"""Books in memory, brought up to date by what the judgement says: a model of ``bot.booking`` that fits on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from bot.reconciliation import record_reader
from bot.reconciliation.comparison import Comparison, compare, join
from bot.reconciliation.judgement import Verdict, judge
from bot.reconciliation.local import (
    BUST_TIME,
    LAG,
    MOST_CLOSED,
    BookedExit,
    Local,
    LocalTrade,
    OpenGroup,
)
from bot.states import Mode
from tests.bot.reconciliation.book_rows import Conflict, Exit, Found, Row
from tests.bot.reconciliation.broker_model import PLACES, ZERO, ModelBroker


class MemoryBooks:
    """Books of the trades at *broker*."""

    def __init__(self, broker: ModelBroker) -> None:
        self.broker = broker
        self.trades: dict[UUID, Row] = {}
        self.suspects: dict[UUID, datetime] = {}

    def rows(self) -> Mapping[UUID, Row]:
        return self.trades

    @property
    def now(self) -> datetime:
        return self.broker.clock()

    # -- the executor -------------------------------------------------------------------------------------------

    def reserve(self, symbol: str, shares: Decimal, price: Decimal) -> UUID:
        trade_id = UUID(int=10**9 + len(self.trades), version=4)
        self.trades[trade_id] = Row(trade_id, symbol, shares, price, self.now, self.now)
        return trade_id

    def attach(self, trade_id: UUID, order_id: str) -> None:
        trade = self.trades[trade_id]
        if trade.filled and trade.order_id != order_id:
            raise Conflict("another order")
        trade.order_id = order_id

    def record_entry(
        self, trade_id: UUID, order_id: str, shares: Decimal, price: Decimal, at: datetime
    ) -> None:
        trade = self.trades[trade_id]
        if trade.filled:
            if (shares, price) != (trade.shares, trade.price):
                raise Conflict("recorded otherwise")
            return
        trade.status = "open"
        trade.enter(shares, price, at, order_id)

    def void(self, trade_id: UUID) -> None:
        trade = self.trades[trade_id]
        if trade.filled:
            raise Conflict("it filled")
        trade.status = "void"

    def record_exit(
        self, trade_id: UUID, shares: Decimal, price: Decimal, at: datetime, order_id: str
    ) -> None:
        trade = self.trades[trade_id]
        if any(each.order_id == order_id and each.fill_id for each in trade.exits):
            raise Conflict("booked from the broker's record")
        trade.leave(Exit(shares, price, at, self.now, order_id))

    # -- the operator -------------------------------------------------------------------------------------------

    def settle(self, action: str, **params: Any) -> None:
        if action == "adopt":
            asset = next(each for each in self.broker.assets.values() if each.symbol == params["symbol"])
            trade_id = self.reserve(asset.symbol, params["shares"], params["entry_price"])
            self.trades[trade_id].filled, self.trades[trade_id].asset_id = True, asset.id
            return
        trade = self.trades[params["trade_id"]]
        match action:
            case "adjust":
                trade.shares, trade.price = trade.exited + params["shares"], params["entry_price"]
                trade.adjusted_at, trade.filled = self.now, True
            case "close":
                shares = params.get("shares", trade.rest)
                trade.leave(Exit(shares, params["exit_price"], self.now, self.now, is_settled=True))
            case "void":
                trade.status, trade.filled = "void", False
            case "reopen":
                trade.pnl, trade.exits, trade.status, trade.filled = ZERO, [], "open", True

    # -- reconciliation -----------------------------------------------------------------------------------------

    def reconcile(self) -> Found:
        verdict, comparison, at = self.judged()
        found = Found(
            missed=frozenset(each.id for each in verdict.missed),
            differences={each.symbol: each.kind.value for each in verdict.differences},
            booked=len(verdict.entries) + len(verdict.exits) + len(verdict.void),
        )
        self._book(verdict)
        self.suspects = {each.id: self.suspects.get(each.id, at) for each in verdict.suspect}
        self._learn(comparison)
        return found

    def judged(self) -> tuple[Verdict, Comparison, datetime]:
        """What one reading leads to; nothing is changed."""
        at = self.now
        positions = {each.symbol: each for each in self.broker.positions()}
        comparison = compare(Local(Mode.PAPER, at, self._groups(at)), positions)
        symbols = {symbol for each in comparison.questions for symbol in each.symbols}
        trades = sorted(
            (
                self._local(row)
                for row in self.trades.values()
                if row.status == "open" and row.symbol in symbols and row.created_at < at
            ),
            key=lambda each: (each.entry_at, each.created_at, each.id),
        )
        oldest = min((each.entry_at for each in trades), default=at - LAG) - LAG
        assets = frozenset[str]().union(*(each.assets for each in comparison.questions))
        known = [
            (row.asset_id, row.symbol)
            for row in self.trades.values()
            if row.asset_id in assets and any(each.at >= min(oldest, at - BUST_TIME) for each in row.exits)
        ]
        names = record_reader.read_names(cast(Any, self.broker), trades, comparison.questions, known)
        comparison = replace(comparison, questions=join(comparison.questions, names))
        gone = record_reader.gone_symbols(comparison.questions, names)
        closed = self._closed(gone, at - BUST_TIME)
        record = record_reader.read_record(
            cast(Any, self.broker), trades, comparison.questions, names, closed
        )
        symbols = symbols.union(*record.names.values())
        shares_of = {str(row.id): row.shares for row in self.trades.values()}
        shares_of |= {row.order_id: row.shares for row in self.trades.values() if row.order_id}
        record = record.with_entries(record.fills_in(symbols), shares_of)
        booked = sorted(
            (
                BookedExit(
                    *(row.id, row.symbol, each.shares, each.price),
                    *(
                        each.order_id,
                        None if each.fill_id == "part" else each.fill_id,
                        each.at,
                        each.created_at,
                    ),
                    is_settled=each.is_settled,
                )
                for row in self.trades.values()
                if row.symbol in symbols
                for each in row.exits
                if each.at >= oldest or each.created_at >= at - LAG
            ),
            key=lambda each: each.at,
        )
        return judge(comparison, trades, booked, record, self.suspects, at), comparison, at

    def _closed(self, symbols: Collection[str], since: datetime) -> list[LocalTrade]:
        """See ``read_closed``."""
        rows = [
            row
            for row in self.trades.values()
            if row.status == "closed" and row.symbol in symbols and row.exits[-1].at >= since
        ]
        rows.sort(key=lambda each: each.exits[-1].at, reverse=True)
        turns: Counter[str] = Counter()
        in_turn: list[tuple[int, Row]] = []
        for row in rows:
            asset = row.asset_id or row.symbol
            turns[asset] += 1
            in_turn.append((turns[asset], row))
        in_turn.sort(key=lambda each: each[0])
        return [self._local(row) for _, row in in_turn[:MOST_CLOSED]]

    def _groups(self, at: datetime) -> tuple[OpenGroup, ...]:
        members: dict[tuple[str, str | None], list[Row]] = {}
        for row in self.trades.values():
            if row.status == "open" and row.created_at < at:
                members.setdefault((row.symbol, row.asset_id), []).append(row)
        return tuple(
            OpenGroup(
                symbol,
                asset_id,
                sum((row.rest for row in rows), ZERO),
                len(rows),
                any(not row.filled and row.created_at < at - LAG for row in rows)
                or len({row.shares > 0 for row in rows}) > 1,
            )
            for (symbol, asset_id), rows in members.items()
        )

    def _local(self, row: Row) -> LocalTrade:
        return LocalTrade(
            id=row.id,
            symbol=row.symbol,
            asset_id=row.asset_id,
            shares=row.shares,
            exited=row.exited,
            filled=row.filled,
            entry_price=row.price,
            entry_at=row.entry_at,
            order_id=row.order_id,
            exit_order_id=None,
            adjusted_at=row.adjusted_at,
            created_at=row.created_at,
            updated_at=row.created_at,
            former_symbols=tuple(row.former_symbols),
        )

    def _book(self, verdict: Verdict) -> None:
        for trade in verdict.void:
            row = self.trades[trade.id]
            row.status, row.filled = "void", False
        for entry in verdict.entries:
            self.trades[entry.trade.id].enter(
                entry.shares, entry.price.quantize(PLACES).normalize(), entry.at, entry.order_id
            )
        for exit_ in verdict.exits:
            row = self.trades[exit_.trade.id]
            if exit_.fill_id and any(each.fill_id == exit_.fill_id for each in row.exits):
                raise Conflict(f"fill {exit_.fill_id} is booked already")
            row.leave(
                Exit(exit_.shares, exit_.price, exit_.at, self.now, exit_.order_id, exit_.fill_id or "part")
            )
        for trade in verdict.missed:
            self.trades[trade.id].status = "missed"

    def _learn(self, comparison: Comparison) -> None:
        learned = list(comparison.unlearned)
        learned += [
            (group.symbol, holding.asset_id)
            for holding in comparison.questions
            if holding.asset_id
            for group in holding.groups
            if group.asset_id is None
        ]
        for row in self.trades.values():
            if row.status != "open":
                continue
            for symbol, asset_id in learned:
                if row.asset_id is None and row.symbol == symbol:
                    row.asset_id = asset_id
            for old, new, asset_id in comparison.renamed:
                if (row.symbol, row.asset_id) == (old, asset_id):
                    row.former_symbols.append(old)
                    row.symbol = new

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        cast(Clock, self.broker.clock).now += timedelta(seconds=seconds)


class Clock:
    """A clock that shows another time at every look."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now
