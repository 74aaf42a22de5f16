"""Reads the part of the broker's record that could explain what differs, within bounded numbers of requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.broker.alpaca import Alpaca
from bot.broker.readings import Fill, Order
from bot.reconciliation.comparison import Holding
from bot.reconciliation.local import LAG, LocalTrade
from bot.reconciliation.record import BrokerRecord, Names

#: Up to this many trades' orders are read one by one; if there are more, the list of orders is read.
ORDERS_ONE_BY_ONE = 10
#: The most orders that are read because no trade explains their fills.
STRANGE_ORDERS = 10
#: The most assets without a position that are read.
ABSENT_ASSETS = 10
#: A trade's exit orders are numbered; this many of them are looked up by name.
MOST_EXITS = 5


def read_names(
    alpaca: Alpaca,
    trades: Sequence[LocalTrade],
    questions: Sequence[Holding],
    known: Iterable[tuple[str, str]],
) -> Names:
    """Every symbol that the assets of *trades* have or had, by the asset's id; *known* are those of their booked exits.

    The broker is asked about assets without a position: nothing else shows the new symbol of one that was renamed and sold
    between two readings.
    """
    names: dict[str, set[str]] = {}
    for trade in trades:
        if trade.asset_id:
            names.setdefault(trade.asset_id, set()).update({trade.symbol, *trade.former_symbols})
    for asset_id, booked_as in known:
        names.setdefault(asset_id, set()).add(booked_as)
    absent = {group.asset_id for each in questions if each.position is None for group in each.groups}
    for asset_id in sorted(names.keys() & absent)[:ABSENT_ASSETS]:
        if symbol := alpaca.symbol_of(asset_id):
            names[asset_id].add(symbol)
    return names


def gone_symbols(questions: Sequence[Holding], names: Names) -> list[str]:
    """The symbols that the trades hold and the broker does not."""
    gone = [each.symbols_by(names) for each in questions if each.here and not each.there]
    return sorted(set().union(*gone))


def read_record(
    alpaca: Alpaca,
    trades: Sequence[LocalTrade],
    questions: Sequence[Holding],
    names: Names,
    closed: Sequence[LocalTrade] = (),
) -> BrokerRecord:
    """The orders and fills that could explain *questions*."""
    if not trades:
        return BrokerRecord({}, {}, (), names=names)
    oldest = min(min(trade.entry_at, trade.created_at) for trade in trades) - LAG
    one_by_one = len(trades) <= ORDERS_ONE_BY_ONE
    found: dict[str, Order] = {}
    if one_by_one:
        for trade in trades:
            found |= {order.id.lower(): order for order in _entry_chain(alpaca, trade)}
    else:
        # an order that is still working may have been sent long before its trade was recorded
        listed = [*alpaca.orders_since(None, status="open"), *alpaca.orders_since(oldest)]
        found = {order.id.lower(): order for order in listed}
    unlisted = [] if one_by_one else [t for t in trades if t.order_id and t.order_id.lower() not in found]
    for trade in unlisted[:ORDERS_ONE_BY_ONE]:
        found |= {order.id.lower(): order for order in _entry_chain(alpaca, trade)}
    for trade in closed:
        if trade.order_id and trade.order_id.lower() not in found:
            found |= {order.id.lower(): order for order in _entry_chain(alpaca, trade)}
    fills = sorted(alpaca.fills_since(oldest), key=lambda fill: fill.at)
    mixed = {trade.symbol for trade in trades if trade.shares > 0} & {
        trade.symbol for trade in trades if trade.shares < 0
    }
    # long and short trades of one asset add up to nothing
    holdings = [each for each in questions if _is_short(each) or each.symbols & mixed]
    names = _with_names_between(alpaca, questions, holdings, names, found, fills)
    short = {symbol for each in holdings for symbol in each.symbols_by(names)}
    strange = [fill.order_id for fill in fills if fill.symbol in short and fill.order_id.lower() not in found]
    if one_by_one and len(set(strange)) > STRANGE_ORDERS:
        # one that is not read would be taken for an exit, and may be the entry of a trade that recorded its replacement
        found = {order.id.lower(): order for order in alpaca.orders_since(oldest)} | found
    asked = [each for each in dict.fromkeys(strange) if each.lower() not in found][:STRANGE_ORDERS]
    for order_id in asked:
        if order := alpaca.order(order_id):
            found[order.id.lower()] = order
            # the first order of a chain is named after its trade
            if order.replaces and order.replaces.lower() not in found and len(asked) < 2 * STRANGE_ORDERS:
                asked.append(order.replaces)
    if one_by_one:
        sold = {fill.symbol for fill in fills if fill.order_id in strange}
        for trade in trades:
            if trade.symbol in short and trade.symbol not in sold:
                found |= {order.id.lower(): order for order in _named_exits(alpaca, trade)}
    return BrokerRecord(
        orders=found,
        by_client_id={order.client_order_id: order for order in found.values()},
        fills=fills,
        unasked=frozenset(trade.id for trade in unlisted[ORDERS_ONE_BY_ONE:]),
        closed=closed,
        names=names,
    )


def _is_short(question: Holding) -> bool:
    """Whether the broker holds less than the trades, or shares of the other side."""
    return question.there < question.here if question.here > 0 else question.here < question.there


def _with_names_between(
    alpaca: Alpaca,
    questions: Sequence[Holding],
    holdings: Sequence[Holding],
    names: Names,
    found: dict[str, Order],
    fills: Sequence[Fill],
) -> Names:
    """*names*, with those that only orders tell; the ones that are read for this are added to *found*. Of *holdings*, among the
    *questions*, something may have been sold.

    An asset whose symbol has changed may have changed it twice since the last reading, and may have been sold under the symbol
    between: a fill shows only its symbol, but its order also the asset.
    """
    complete = {asset_id: set(symbols) for asset_id, symbols in names.items()}
    if any(len(each.symbols_by(names)) > 1 for each in holdings):
        known = set().union(*(each.symbols_by(names) for each in questions))
        strange = {fill.symbol: fill.order_id for fill in fills if fill.symbol not in known}
        for order_id in list(strange.values())[:STRANGE_ORDERS]:
            if order_id.lower() not in found and (order := alpaca.order(order_id)):
                found[order.id.lower()] = order
    for order in found.values():
        if order.asset_id in complete:
            complete[order.asset_id].add(order.symbol)
    return complete


def _entry_chain(alpaca: Alpaca, trade: LocalTrade) -> list[Order]:
    order = alpaca.order(trade.order_id) if trade.order_id else None
    if order is None:
        order = alpaca.order_by_client_id(str(trade.id))
    if order is None:
        return []
    links = alpaca.chain(order)
    while links[0].replaces and len(links) < STRANGE_ORDERS:
        before = alpaca.order(links[0].replaces)
        if before is None:
            break
        links.insert(0, before)
    return links


def _named_exits(alpaca: Alpaca, trade: LocalTrade) -> list[Order]:
    """The trade's exit orders, looked up by name: an order is known before the list of fills shows its sales."""
    found: list[Order] = []
    for number in range(1, MOST_EXITS + 1):
        order = alpaca.order_by_client_id(f"{trade.id}-exit-{number}")
        if order is None:
            break
        found += alpaca.chain(order)
    return found
