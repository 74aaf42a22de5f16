"""Reads what one attempt to reconcile needs from the database and Alpaca. It uses the network and holds no lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from bot.broker.alpaca import Alpaca
from bot.broker.errors import BrokerError, BrokerInconsistent, BrokerTimeout
from bot.broker.readings import Account, Clock, Fill, Position
from bot.broker.time_limits import RECONCILIATION as LIMITS
from bot.errors import CredentialsMissing
from bot.reconciliation.comparison import Comparison, compare, join
from bot.reconciliation.local import (
    BUST_TIME,
    LAG,
    BookedExit,
    Local,
    LocalTrade,
    read_booked,
    read_booked_symbols,
    read_closed,
    read_entry_orders,
    read_local,
    read_trades,
)
from bot.reconciliation.record import ZERO, BrokerRecord, Names
from bot.reconciliation.record_reader import gone_symbols, read_names, read_record
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.states import Mode
from bot.storage.database import Database

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
    oldest = recent = local.began_at - LAG
    if symbols:
        trades = database.read(lambda session: read_trades(session, symbols, local.began_at))
        oldest = min((trade.entry_at for trade in trades), default=recent) - LAG
        assets = sorted(set().union(*(each.assets for each in comparison.questions)))
        since = min(oldest, local.began_at - BUST_TIME)
        known = database.read(lambda session: read_booked_symbols(session, assets, since))
        names = read_names(alpaca, trades, comparison.questions, known)
        comparison = replace(comparison, questions=join(comparison.questions, names))
        if gone := gone_symbols(comparison.questions, names):
            closed = database.read(lambda session: read_closed(session, gone, local.began_at - BUST_TIME))
    record = read_record(alpaca, trades, comparison.questions, names, closed)
    if symbols:
        sold_as = sorted(set(symbols).union(*record.names.values()))
        booked = database.read(lambda session: read_booked(session, sold_as, oldest, recent))
        record = database.read(lambda session: _with_entries(session, record, record.fills_in(sold_as)))
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


def _with_entries(session: Session, record: BrokerRecord, fills: Sequence[Fill]) -> BrokerRecord:
    names = set[str]().union(*(record.names_of(fill.order_id) for fill in fills))
    return record.with_entries(fills, read_entry_orders(session, names)) if names else record
