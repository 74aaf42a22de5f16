"""Finds the fills at the broker that ended trades and are not booked. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from bot.booking.amounts import quotient
from bot.broker.readings import Fill, Order
from bot.reconciliation.entries import Entry
from bot.reconciliation.local import LAG, BookedExit, LocalTrade
from bot.reconciliation.record import ZERO, BrokerRecord

T = TypeVar("T")


@dataclass(frozen=True)
class ExitFound:
    """A fill, or part of one, that ended a trade or part of it and is not booked yet."""

    trade: LocalTrade
    #: Signed like the trade's shares.
    shares: Decimal
    price: Decimal
    at: datetime
    order_id: str
    fill_id: str | None


@dataclass
class Slack:
    """By how much the position may differ from the fills of exits; unsigned."""

    #: Shares sold so recently that the position may still show them.
    lagging: Decimal = ZERO
    #: Shares sold by an order that is still working, and not booked yet.
    under_way: Decimal = ZERO


def find_exits(
    sign: int,
    entries: Sequence[Entry],
    entered: Collection[str],
    symbols: Collection[str],
    booked: Sequence[BookedExit],
    record: BrokerRecord,
    at: datetime,
) -> tuple[list[ExitFound], Slack]:
    """The unbooked fills of *symbols* that ended *entries*, and by how much the position may differ from them.

    Args:
        sign: 1 for long entries, -1 for short ones: all are of this side.
        entered: ids, in lower case, of orders that entered trades: a sale that opened a short trade ended no long one.
        symbols: that the asset has or had.
        booked: exits of both sides that are in the books.
    """
    found: list[ExitFound] = []
    booked = [each for each in booked if each.shares * sign > 0]
    recent = (abs(each.shares) for each in booked if max(each.at, each.created_at) > at - LAG)
    slack = Slack(lagging=sum(recent, ZERO))
    if not entries:
        return found, slack
    oldest = min(each.trade.entry_at for each in entries) - LAG
    leaving = [
        fill
        for fill in [*record.fills_in(symbols), *_unlisted(entries, booked, record)]
        if fill.shares * sign < 0 and fill.order_id.lower() not in entered
        if not _is_busted(record.order(fill.order_id)) and _may_be_of(entries, record.order(fill.order_id))
    ]
    before = [fill for fill in leaving if fill.at < oldest]
    since = [fill for fill in leaving if fill.at >= oldest]
    named = {(each.trade_id, each.fill_id) for each in booked}
    for fill, shares in _unbooked(since, _booked_since(oldest, booked, before)):
        order = record.order(fill.order_id)
        ended = _in_order(entries, record.up_to(order) if order else [], fill.order_id)
        if order is not None and order.is_working and fill.at > at - LAG:
            slack.under_way += shares
            for entry in ended:
                taken = min(shares, max(entry.open - entry.under_way, ZERO))
                entry.under_way += taken
                shares -= taken
            continue
        if fill.at > at - LAG:
            slack.lagging += shares
        for entry in ended:
            taken = min(shares, max(entry.open, ZERO))
            if not taken or _is_settled_with(entry, fill):
                continue
            shares -= taken
            entry.leaving += taken
            found.append(
                ExitFound(
                    entry.trade,
                    sign * taken,
                    fill.price,
                    fill.at,
                    fill.order_id,
                    # part of it may be booked to this trade under the order's id
                    fill.id if fill.id != fill.order_id and (entry.trade.id, fill.id) not in named else None,
                )
            )
    _share_what_arrives(sign, entries, entered, symbols, record, at)
    return found, slack


def _share_what_arrives(
    sign: int,
    entries: Sequence[Entry],
    entered: Collection[str],
    symbols: Collection[str],
    record: BrokerRecord,
    at: datetime,
) -> None:
    """Count as recent in *entries* what filled so recently for trades that have ended since: the position may lag by it, and a
    sale that it already shows came off another trade's shares. What is known to have filled comes first."""
    own = {order.id.lower() for each in entries for order in record.chain_of(each.trade)}
    arriving = sum(
        (
            abs(fill.shares)
            for fill in record.fills_in(symbols)
            if fill.shares * sign > 0 and fill.at > at - LAG and fill.order_id.lower() in entered
            if fill.order_id.lower() not in own
        ),
        ZERO,
    )
    for entry in sorted(entries, key=lambda each: not each.is_known):
        taken = min(arriving, max(entry.open - entry.recent, ZERO))
        entry.recent += taken
        arriving -= taken


def _may_be_of(entries: Sequence[Entry], order: Order | None) -> bool:
    """Whether an order can have sold shares of *entries*: its symbol may belong to another asset by now."""
    assets = {each.trade.asset_id for each in entries} - {None}
    return order is None or not order.asset_id or not assets or order.asset_id in assets


def _is_busted(order: Order | None) -> bool:
    """Whether the broker took back an order's fills, which leaves its average price."""
    return order is not None and not order.filled and order.average_price is not None


def _is_settled_with(entry: Entry, fill: Fill) -> bool:
    """Whether *fill* came before an operator set the trade's shares, and is therefore part of that."""
    return entry.trade.adjusted_at is not None and fill.at <= entry.trade.adjusted_at


def _unlisted(entries: Sequence[Entry], booked: Sequence[BookedExit], record: BrokerRecord) -> list[Fill]:
    """Exits that the trades' own orders show, but the list of fills does not yet.

    What was booked of such an order at a price that no listed fill has is taken to be of those: the average price of the order
    tells only what all of them are worth.
    """
    found = []
    for order in (order for each in entries for order in record.exits_named_after(each.trade)):
        known = record.fills_of(order)
        missing = order.filled - sum((abs(fill.shares) for fill in known), ZERO)
        if missing <= 0 or not order.average_price or not order.filled_at or order.is_working:
            continue
        worth = order.filled * order.average_price - sum((abs(f.shares) * f.price for f in known), ZERO)
        prices = {fill.price for fill in known}
        parts = []
        for each in booked:
            if each.order_id == order.id and not each.fill_id and each.price not in prices and missing:
                shares = min(abs(each.shares), missing)
                parts.append((shares, each.price))
                missing -= shares
                worth -= shares * each.price
        if missing and (price := quotient(worth, missing)) > 0:
            parts.append((missing, price))
        found += [
            Fill(order.id, order.id, order.symbol, order.side * shares, price, order.filled_at)
            for shares, price in parts
        ]
    return found


@dataclass
class _Nameless:
    """Shares that were booked without their exit order; unsigned."""

    shares: Decimal
    #: They are taken to be the first sale until this time.
    until: datetime


def _booked_since(oldest: datetime, booked: Sequence[BookedExit], before: Sequence[Fill]) -> list[BookedExit]:
    """*booked* without what was booked of the fills *before*: their orders may have gone on and ended other trades since."""
    shares_of: dict[str, Decimal] = {}
    for fill in before:
        shares_of[fill.order_id] = shares_of.get(fill.order_id, ZERO) + abs(fill.shares)
    kept = []
    for each in sorted(booked, key=lambda each: each.fill_id is None):
        if each.at >= oldest or not each.order_id:
            kept.append(each)
            continue
        left = _without(shares_of, each.order_id, abs(each.shares))
        if left and not each.fill_id:  # one with a fill's id was booked with that fill's own time
            kept.append(replace(each, shares=left))
    return kept


def _unbooked(fills: Sequence[Fill], booked: Sequence[BookedExit]) -> list[tuple[Fill, Decimal]]:
    """Each of *fills* with its unbooked shares, unsigned."""
    by_fill: dict[str, Decimal] = {}
    by_price: dict[tuple[str, Decimal], Decimal] = {}
    nameless: list[_Nameless] = []
    known = {fill.id for fill in fills}
    for each in booked:
        if each.fill_id in known and each.fill_id:
            by_fill[each.fill_id] = by_fill.get(each.fill_id, ZERO) + abs(each.shares)
        elif each.order_id:
            key = (each.order_id, each.price)
            by_price[key] = by_price.get(key, ZERO) + abs(each.shares)
        else:
            # an operator learns of a sale after it; a program records its own at once, by another clock than the broker's
            until = max(each.at, each.created_at) if each.is_settled else each.created_at + LAG
            nameless.append(_Nameless(abs(each.shares), until))
    found = []
    for fill in sorted(fills, key=lambda each: each.at):
        shares = _without(by_fill, fill.id, abs(fill.shares))
        # of an order's fills, the one at the booked price: a program may book a later one first
        found.append((fill, _without(by_price, (fill.order_id, fill.price), shares)))
    by_order: dict[str, Decimal] = {}
    for (order_id, _), shares in by_price.items():
        by_order[order_id] = by_order.get(order_id, ZERO) + shares
    left = []
    for fill, shares in found:
        shares = _without(by_order, fill.order_id, shares)
        for sale in nameless:
            if fill.at <= sale.until:
                taken = min(shares, sale.shares)
                sale.shares -= taken
                shares -= taken
        if shares:
            left.append((fill, shares))
    return left


def _without(books: dict[T, Decimal], name: T, shares: Decimal) -> Decimal:
    """What is left of *shares* without those that *books* has under *name*; they are taken from it."""
    taken = min(shares, books.get(name, ZERO))
    if taken:
        books[name] -= taken
    return shares - taken


def _in_order(entries: Sequence[Entry], chain: Sequence[Order], order_id: str) -> list[Entry]:
    """The trades that an exit order may have ended: its own trade first, then the others in order of entry, without those whose
    entry is not known to have filled. An unrecorded entry counts from its fill, and not from its reservation.

    Args:
        chain: the order, after those that it replaced: the first one is named after its trade, or is the one that was noted.
    """
    named = {order.client_order_id.partition("-exit-")[0] for order in chain}
    ids = {order_id, *(order.id for order in chain)}
    return sorted(
        (each for each in entries if each.is_known),
        key=lambda each: (
            str(each.trade.id) not in named and each.trade.exit_order_id not in ids,
            each.at or each.trade.entry_at,
        ),
    )
