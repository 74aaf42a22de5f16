"""Brings the books up to date with one reading. Call it under the lock on the bot's row; it commits nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import cast, column, delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Session

from bot.booking.author import Author
from bot.booking.booking import Booking
from bot.booking.bulk import miss_many, void_many
from bot.broker.errors import StaleEvidence
from bot.errors import TradeConflict
from bot.models import (
    AlertKind,
    BotAlert,
    BotIgnoredPosition,
    BotSuspect,
    BotTrade,
    ExitReason,
    ExitSource,
    TradeStatus,
)
from bot.models.types import Timestamp
from bot.reconciliation.comparison import Comparison, Holding
from bot.reconciliation.evidence import Reading
from bot.reconciliation.judgement import Verdict, judge
from bot.reconciliation.local import LocalTrade, OpenGroup, read_trades
from bot.reconciliation.record import ZERO

#: The actor of an event if no operator asked for the reconciliation.
ACTOR = "reconciliation"
_VOID = "Alpaca finished its entry order with nothing filled."
#: How many symbols' assets are stored in one attempt; the rest follow in the next ones.
MOST_LEARNED = 500


def bring_up_to_date(
    session: Session,
    reading: Reading,
    *,
    now: datetime,
    on_startup: bool,
    is_newest: bool,
    command_id: UUID | None,
) -> Verdict:
    """Judge *reading* with the trades as they are now, and carry out the verdict.

    Args:
        is_newest: whether no reading that began later has been judged; otherwise this one makes no trade suspect or missed.
        on_startup: whether the gate is closed since a worker's start, which the exit reason of a written-off trade shows.
        command_id: the command that asked for it, if there is one.

    Raises:
        StaleEvidence: trades in question changed since Alpaca was read, so their present state is unknown.
    """
    comparison, trades = _as_of_now(session, reading, now)
    suspects = _suspects(session, trades) if is_newest else {}
    verdict = judge(comparison, trades, reading.booked, reading.record, suspects, reading.began_at)
    author = Author(
        ACTOR,
        reason=f"Alpaca ({reading.mode}), read at {reading.read_at:%H:%M:%S} UTC",
        command_id=command_id,
    )
    try:
        _book(session, verdict, author)
    except TradeConflict as conflict:
        raise StaleEvidence(f"What Alpaca shows could not be booked: {conflict}") from None
    _write_off(session, verdict, reading, author, on_startup)
    if is_newest:
        _remember_suspects(session, verdict, reading.began_at)
    _learn_assets(session, comparison)
    _rename(session, comparison, author)
    _end_ignoring(session, reading)
    return verdict


def _as_of_now(session: Session, reading: Reading, now: datetime) -> tuple[Comparison, Sequence[LocalTrade]]:
    """The comparison and the trades in question, if these have not changed since Alpaca was asked about them.

    A holding whose trades changed meanwhile is left out if it agrees now.
    """
    questions = reading.comparison.questions
    symbols = sorted({symbol for each in questions for symbol in each.symbols})
    if not symbols:
        return reading.comparison, ()
    present = read_trades(session, symbols, now)
    then = {trade.id: trade.updated_at for trade in reading.trades}
    if {trade.id: trade.updated_at for trade in present} == then:
        return reading.comparison, present
    kept: list[Holding] = []
    dropped: set[str] = set()
    matched = 0
    present_by, then_by = _by_symbol(present), _by_symbol(reading.trades)
    for holding in questions:
        own = [trade for symbol in holding.symbols for trade in present_by.get(symbol, ())]
        before = [trade for symbol in holding.symbols for trade in then_by.get(symbol, ())]
        if {trade.id: trade.updated_at for trade in own} == {trade.id: trade.updated_at for trade in before}:
            kept.append(holding)
        elif sum((trade.held for trade in own), ZERO) == holding.there:
            matched += len(own)
            dropped |= holding.symbols
        else:
            raise StaleEvidence(f"The trades of {holding.symbol} changed while Alpaca was read.")
    comparison = replace(
        reading.comparison, questions=tuple(kept), matched=reading.comparison.matched + matched
    )
    return comparison, [trade for trade in present if trade.symbol not in dropped]


def _by_symbol(trades: Sequence[LocalTrade]) -> Mapping[str, Sequence[LocalTrade]]:
    found: dict[str, list[LocalTrade]] = {}
    for trade in trades:
        found.setdefault(trade.symbol, []).append(trade)
    return found


def _suspects(session: Session, trades: Sequence[LocalTrade]) -> Mapping[UUID, datetime]:
    if not trades:
        return {}
    return {each.trade_id: each.since for each in session.scalars(select(BotSuspect))}


def _book(session: Session, verdict: Verdict, author: Author) -> None:
    ids = {each.trade.id for each in verdict.entries} | {each.trade.id for each in verdict.exits}
    busted = [each for each in verdict.void if each.filled]
    unfilled = [(each.id, each.updated_at) for each in verdict.void if not each.filled]
    if len(void_many(session, unfilled, author, note=_VOID)) < len(unfilled):
        raise StaleEvidence("Trades changed while Alpaca was read.")
    ids |= {each.id for each in busted}
    if not ids:
        return
    rows = {trade.id: trade for trade in session.scalars(select(BotTrade).where(BotTrade.id.in_(ids)))}
    with Booking(session, author) as booking:
        booking.load(rows.values(), {each.order_id for each in verdict.exits})
        for entry in verdict.entries:
            booking.book_entry(
                rows[entry.trade.id],
                shares=entry.shares,
                price=entry.price,
                at=entry.at,
                order_id=entry.order_id,
            )
        for exit_ in verdict.exits:
            booking.book_exit(
                rows[exit_.trade.id],
                shares=exit_.shares,
                price=exit_.price,
                at=exit_.at,
                source=ExitSource.RECONCILIATION,
                order_id=exit_.order_id,
                fill_id=exit_.fill_id,
            )
        for trade in busted:
            booking.void(rows[trade.id], _VOID, busted=True)


def _write_off(
    session: Session, verdict: Verdict, reading: Reading, author: Author, on_startup: bool
) -> None:
    if not verdict.missed:
        return
    written_off = miss_many(
        session,
        [(trade.id, trade.updated_at) for trade in verdict.missed],
        author,
        reason=ExitReason.RECONCILED_MISSING_ON_STARTUP if on_startup else ExitReason.RECONCILED_MISSING,
        note=f"No position at Alpaca ({reading.mode}) in two readings, the last one from"
        f" {reading.began_at:%Y-%m-%d %H:%M:%S} UTC on, and neither its orders nor its fills explain it.",
    )
    if len(written_off) < len(verdict.missed):
        raise StaleEvidence("Trades changed while Alpaca was read.")
    session.add(
        BotAlert(
            kind=AlertKind.TRADES_MISSED,
            facts={
                "mode": reading.mode,
                "count": len(verdict.missed),
                "symbols": sorted({trade.symbol for trade in verdict.missed})[:20],
            },
        )
    )


def _remember_suspects(session: Session, verdict: Verdict, began_at: datetime) -> None:
    """Store which trades are suspect: each since the first reading that did not explain it, until one does."""
    ids = [trade.id for trade in verdict.suspect]
    session.execute(
        delete(BotSuspect).where(BotSuspect.trade_id.not_in(select(func.unnest(cast(ids, ARRAY(PgUuid))))))
        if ids
        else delete(BotSuspect)
    )
    if ids:
        every = select(func.unnest(cast(ids, ARRAY(PgUuid))), literal(began_at, Timestamp))
        session.execute(insert(BotSuspect).from_select(["trade_id", "since"], every).on_conflict_do_nothing())


def _learn_assets(session: Session, comparison: Comparison) -> None:
    learned = list(comparison.unlearned[:MOST_LEARNED])
    learned += [
        (group.symbol, holding.asset_id)
        for holding in comparison.questions
        if holding.asset_id
        for group in _nameless(holding)
    ]
    if not learned:
        return
    known = (
        text(
            "SELECT * FROM unnest(CAST(:symbols AS text[]), CAST(:assets AS text[])) AS known(symbol, asset_id)"
        )
        .bindparams(symbols=[symbol for symbol, _ in learned], assets=[asset for _, asset in learned])
        .columns(column("symbol"), column("asset_id"))
        .subquery("known")
    )
    session.execute(
        update(BotTrade)
        .where(
            BotTrade.status == TradeStatus.OPEN,
            BotTrade.asset_id.is_(None),
            BotTrade.symbol == known.c.symbol,
        )
        .values(asset_id=known.c.asset_id)
        .execution_options(synchronize_session=False)
    )


def _nameless(holding: Holding) -> Sequence[OpenGroup]:
    return [group for group in holding.groups if group.asset_id is None]


def _rename(session: Session, comparison: Comparison, author: Author) -> None:
    """If an asset's symbol has changed, change that of its open trades."""
    for old, new, asset_id in comparison.renamed:
        rows = session.scalars(
            select(BotTrade).where(
                BotTrade.status == TradeStatus.OPEN, BotTrade.symbol == old, BotTrade.asset_id == asset_id
            )
        )
        with Booking(session, author) as booking:
            for trade in rows.all():
                booking.rename(trade, new, asset_id)


def _end_ignoring(session: Session, reading: Reading) -> None:
    """Stop ignoring a position whose quantity has changed."""
    if changed := [each.symbol for each in reading.comparison.changed]:
        session.execute(
            delete(BotIgnoredPosition).where(
                BotIgnoredPosition.mode == reading.mode, BotIgnoredPosition.symbol.in_(changed)
            )
        )
