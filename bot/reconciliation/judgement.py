"""Judges one reading of the broker by the table of docs/reconciliation.md. Pure.

A holding matches, is explained, or differs. A fourth case, a failed reading, is "unknown" and never reaches this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from bot.reconciliation.comparison import Comparison, Holding
from bot.reconciliation.entries import read_entry
from bot.reconciliation.exits import ExitFound
from bot.reconciliation.explanation import EntryFound, Explanation, explain
from bot.reconciliation.local import LAG, BookedExit, LocalTrade
from bot.reconciliation.record import ZERO, BrokerRecord

#: A trade is written off when a second reading, at least this much later, does not explain it either.
SECOND_READING_AFTER = timedelta(seconds=10)


class DifferenceKind(StrEnum):
    """How the broker and the open trades differ."""

    UNKNOWN_HERE = "unknown_here"  # the broker holds shares that no open trade has
    QUANTITY = "quantity"
    SIDE = "side"  # one side is long, the other short
    SUSPECT = "suspect"  # missing at the broker for the first time


@dataclass(frozen=True)
class Difference:
    """A symbol of which the two sides hold different quantities without an explanation."""

    symbol: str
    kind: DifferenceKind
    here: Decimal
    there: Decimal
    trades: tuple[UUID, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report's entry; quantities as strings."""
        return {
            "symbol": self.symbol,
            "kind": self.kind.value,
            "here": f"{self.here:f}",
            "there": f"{self.there:f}",
            "tradeIds": [str(each) for each in self.trades[:100]],
        }


@dataclass
class Verdict:
    """What has to be done about the trades, and what has to be reported."""

    matched: int = 0
    in_flight: int = 0
    entries: list[EntryFound] = field(default_factory=list)
    exits: list[ExitFound] = field(default_factory=list)
    void: list[LocalTrade] = field(default_factory=list)
    #: Missing without an explanation in a second reading.
    missed: list[LocalTrade] = field(default_factory=list)
    #: Missing without an explanation for the first time.
    suspect: list[LocalTrade] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def judge(
    comparison: Comparison,
    trades: Sequence[LocalTrade],
    booked: Sequence[BookedExit],
    record: BrokerRecord,
    suspects: Mapping[UUID, datetime],
    at: datetime,
) -> Verdict:
    """Judge every holding in question.

    Args:
        comparison: of both sides, as of *at*.
        trades: the open trades of the symbols in question.
        booked: exits of these symbols that are in the books.
        record: the broker's record of all of these.
        suspects: since when a trade has been suspect, by its id.
        at: when the reading began.
    """
    verdict = Verdict(matched=comparison.matched)
    by_symbol: dict[str, list[LocalTrade]] = {}
    for trade in trades:
        by_symbol.setdefault(trade.symbol, []).append(trade)
    exits_of: dict[str, list[BookedExit]] = {}
    for exit_ in booked:
        exits_of.setdefault(exit_.symbol, []).append(exit_)
    for holding in comparison.questions:
        own = [
            trade
            for symbol in sorted(holding.symbols)
            for trade in by_symbol.get(symbol, ())
            if _belongs(trade, holding)
        ]
        symbols = holding.symbols_by(record.names)
        exits = [each for symbol in sorted(symbols) for each in exits_of.get(symbol, ())]
        _judge_holding(verdict, holding, own, exits, record, suspects, at)
    return verdict


def _belongs(trade: LocalTrade, holding: Holding) -> bool:
    return any((group.symbol, group.asset_id) == (trade.symbol, trade.asset_id) for group in holding.groups)


def _judge_holding(
    verdict: Verdict,
    holding: Holding,
    trades: Sequence[LocalTrade],
    booked: Sequence[BookedExit],
    record: BrokerRecord,
    suspects: Mapping[UUID, datetime],
    at: datetime,
) -> None:
    symbols = holding.symbols_by(record.names)
    explanation = explain(trades, symbols, booked, record, at)
    # exits that are booked to a trade whose entry was busted may belong to another one
    closed = (read_entry(trade, record, at) for trade in record.closed if trade.symbol in symbols)
    is_overdrawn = explanation.is_overdrawn or any(each.is_overdrawn for each in closed)
    there = holding.there
    agrees = explanation.allows(there)
    here = holding.here
    entries, exits, void = explanation.entries, explanation.exits, explanation.void
    if not agrees and abs(there - explanation.held) >= abs(there - holding.here):
        # an order proves an unrecorded entry, even if the position is gone
        entries = tuple(each for each in entries if not each.trade.filled)
        exits, void = (), tuple(each for each in void if not each.filled)
    verdict.entries += entries
    verdict.exits += exits
    verdict.void += void
    changed = {each.trade.id for each in entries} | {each.trade.id for each in exits}
    here += sum((each.shares - each.trade.shares for each in entries), ZERO)
    here -= sum((each.shares for each in exits), ZERO)
    here -= sum((each.held for each in void), ZERO)
    if agrees:
        verdict.in_flight += len(explanation.in_flight)
        gone = {each.id for each in explanation.void}
        verdict.matched += sum(1 for each in explanation.settled if each.id not in gone)
        return
    if there == 0 and explanation.certain and not is_overdrawn and not explanation.is_mixed:
        _judge_absent(verdict, holding, explanation, changed | record.unasked, suspects, at)
        return
    kind = DifferenceKind.QUANTITY
    if not trades:
        kind = DifferenceKind.UNKNOWN_HERE
    elif here * there < 0:
        kind = DifferenceKind.SIDE
    verdict.differences.append(
        Difference(holding.symbol, kind, here, there, tuple(trade.id for trade in trades))
    )


def _judge_absent(
    verdict: Verdict,
    holding: Holding,
    explanation: Explanation,
    again: AbstractSet[UUID],
    suspects: Mapping[UUID, datetime],
    at: datetime,
) -> None:
    """Handle a position that is missing without an explanation. Trades in *again* are not written off yet."""
    on_their_way = {each.id for each in explanation.in_flight}
    kept = again | on_their_way
    waiting: list[LocalTrade] = []
    for trade in explanation.certain:
        since = suspects.get(trade.id)
        is_twice = since is not None and since <= at - SECOND_READING_AFTER
        is_old = max(trade.entry_at, trade.created_at) <= at - LAG
        if is_twice and is_old and trade.id not in kept:
            verdict.missed.append(trade)
        else:
            waiting.append(trade)
    verdict.suspect += waiting
    verdict.in_flight += len(on_their_way - {trade.id for trade in waiting})
    if waiting:
        verdict.differences.append(
            Difference(
                holding.symbol,
                DifferenceKind.SUSPECT,
                sum((trade.held for trade in waiting), ZERO),
                holding.there,
                tuple(trade.id for trade in waiting),
            )
        )
