"""Reads what one attempt to reconcile needs from the database and Alpaca. It uses the network and holds no lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.broker.alpaca import Alpaca
from bot.broker.errors import BrokerError, BrokerInconsistent, BrokerTimeout
from bot.broker.readings import Account, Clock, Order, Position
from bot.broker.time_limits import RECONCILIATION as LIMITS
from bot.errors import CredentialsMissing
from bot.reconciliation.comparison import Comparison, Holding, compare, join
from bot.reconciliation.local import (
    BUST_TIME,
    LAG,
    BookedExit,
    Local,
    LocalTrade,
    read_booked,
    read_booked_symbols,
    read_closed,
    read_local,
    read_trades,
)
from bot.reconciliation.record import ZERO, BrokerRecord, Names
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.states import Mode
from bot.storage.database import Database

#: Up to this many trades' orders are read one by one; if there are more, the list of orders is read.
ORDERS_ONE_BY_ONE = 10
#: The most orders that are read because no trade explains their fills.
STRANGE_ORDERS = 10
#: The most assets without a position that are read.
ABSENT_ASSETS = 10
#: A trade's exit orders are numbered; this many of them are looked up by name.
MOST_EXITS = 5
#: The share of the account's value by which the list of positions may fall short of it, as prices move between two calls.
VALUE_TOLERANCE = Decimal("0.02")
#: Below this value, in US dollars, a difference does not show that the list is incomplete.
VALUE_GRAIN = Decimal(1)


@dataclass(frozen=True)
class Reading:
    """Both sides, read at the same time, and the broker's record of the holdings in question."""

    local: Local
    #: When the positions were read: the age of the evidence counts from this time.
    read_at: datetime
    account: Account
    clock: Clock
    positions: Mapping[str, Position]
    comparison: Comparison
    trades: tuple[LocalTrade, ...]
    booked: tuple[BookedExit, ...]
    record: BrokerRecord
    #: Calls that were made to Alpaca.
    requests: int
    #: Seconds that Alpaca asked to wait, because its limit is used up.
    retry_after_sec: float = 0.0

    @property
    def mode(self) -> Mode:
        """The mode of the account that was read."""
        return self.local.mode

    @property
    def began_at(self) -> datetime:
        """When the attempt began, by the database's clock."""
        return self.local.began_at


@dataclass(frozen=True)
class ReadFailed:
    """Alpaca gave no usable answer: nothing is known."""

    mode: Mode
    began_at: datetime
    error: BrokerError | CredentialsMissing
    requests: int = 0


Evidence = Reading | ReadFailed


def gather(database: Database, settings: Settings) -> Evidence:
    """Read both sides. Ends within the wall of LIMITS, whatever Alpaca does.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    local = database.batched(lambda batch: read_local(batch, settings))
    try:
        access = settings.require_alpaca(local.mode)
    except CredentialsMissing as error:
        return ReadFailed(local.mode, local.began_at, error)
    with Alpaca(access, budget_sec=LIMITS.budget_sec, most_requests=local.requests_left) as alpaca:
        try:
            return run_with_timeout(LIMITS.wall_sec, lambda: _read(database, alpaca, local))
        except TimeoutError:
            return ReadFailed(local.mode, local.began_at, BrokerTimeout(), alpaca.requests)
        except BrokerError as error:
            return ReadFailed(local.mode, local.began_at, error, alpaca.requests)


def retry_after(evidence: Evidence) -> float:
    """Seconds that Alpaca asked to wait."""
    if isinstance(evidence, Reading):
        return evidence.retry_after_sec
    return (isinstance(evidence.error, BrokerError) and evidence.error.retry_after_sec) or 0.0


def _read(database: Database, alpaca: Alpaca, local: Local) -> Reading:
    account = alpaca.account()
    clock = alpaca.clock()
    read_at = database.now()
    positions = {position.symbol: position for position in alpaca.positions()}
    comparison = compare(local, positions)
    _check_values(account, positions, comparison)
    symbols = sorted({symbol for each in comparison.questions for symbol in each.symbols})
    trades: tuple[LocalTrade, ...] = ()
    booked: tuple[BookedExit, ...] = ()
    closed: tuple[LocalTrade, ...] = ()
    names: Names = {}
    if symbols:
        recent = local.began_at - LAG
        trades = database.read(lambda session: read_trades(session, symbols, local.began_at))
        oldest = min((trade.entry_at for trade in trades), default=recent) - LAG
        assets = sorted(set().union(*(each.assets for each in comparison.questions)))
        since = min(oldest, local.began_at - BUST_TIME)
        known = database.read(lambda session: read_booked_symbols(session, assets, since))
        names = read_names(alpaca, trades, comparison.questions, known)
        comparison = replace(comparison, questions=join(comparison.questions, names))
        sold_as = sorted(set(symbols).union(*names.values()))
        booked = database.read(lambda session: read_booked(session, sold_as, oldest, recent))
        if gone := gone_symbols(comparison.questions, names):
            closed = database.read(lambda session: read_closed(session, gone, local.began_at - BUST_TIME))
    record = read_record(alpaca, trades, comparison.questions, names, closed)
    return Reading(
        local=local,
        read_at=read_at,
        account=account,
        clock=clock,
        positions=positions,
        comparison=comparison,
        trades=trades,
        booked=booked,
        record=record,
        requests=alpaca.requests,
        retry_after_sec=alpaca.retry_after_sec or 0.0,
    )


def _check_values(account: Account, positions: Mapping[str, Position], comparison: Comparison) -> None:
    """Check that the account is not worth more than the listed positions: then some would be missing from the list.

    Raises:
        BrokerInconsistent: it is, on a side (long or short) on which the list shows less than the books.
    """
    for side, value in ((1, account.long_market_value), (-1, account.short_market_value)):
        shorter = any(each.here * side > max(each.there * side, ZERO) for each in comparison.questions)
        if not shorter and not any(each.shares * side > 0 for each in comparison.changed):
            continue
        worths = [each.market_value for each in positions.values() if each.shares * side > 0]
        if any(worth is None for worth in worths):
            continue  # positions without a price cannot be added up
        listed = sum((abs(worth) for worth in worths if worth is not None), ZERO)
        missing = abs(value) - listed
        if missing > max(abs(value) * VALUE_TOLERANCE, VALUE_GRAIN):
            raise BrokerInconsistent(
                f"Alpaca's list of positions contradicts its own account: the {'long' if side > 0 else 'short'} ones"
                f" are worth {abs(value):.2f} dollars there, and those in the list {listed:.2f}."
            )


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
        return BrokerRecord({}, {}, ())
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
    short = {
        symbol for each in questions if abs(each.there) < abs(each.here) for symbol in each.symbols_by(names)
    }
    strange = [fill.order_id for fill in fills if fill.symbol in short and fill.order_id.lower() not in found]
    for order_id in list(dict.fromkeys(strange))[:STRANGE_ORDERS]:
        if order := alpaca.order(order_id):
            found[order.id.lower()] = order
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
