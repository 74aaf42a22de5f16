"""Plans what a flatten has to do next, from what the broker shows. Pure: no network, no database, no clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from bot.broker.readings import Fill, Order, Position

ZERO = Decimal(0)
#: A fill may be missing from the list of positions for this long.
POSITIONS_LAG = timedelta(seconds=20)
#: An order that was sent before a flatten began may arrive at the broker this much later.
ORDERS_LAG = timedelta(seconds=3)
#: Orders that are being cancelled are not cancelled again.
_ENDING = frozenset({"pending_cancel"})


@dataclass(frozen=True)
class Sent:
    """An order that the flatten sent to close a position; *shares* are unsigned."""

    order_id: str
    symbol: str
    shares: Decimal
    at: datetime


@dataclass(frozen=True)
class Seen:
    """What the broker showed."""

    at: datetime
    is_open: bool
    #: The working orders.
    orders: Sequence[Order]
    #: The fills, at least those of the last POSITIONS_LAG.
    fills: Sequence[Fill]
    positions: Sequence[Position]


@dataclass(frozen=True)
class Goal:
    """What is to be flattened, and what has been done for it."""

    started_at: datetime
    #: The symbols to flatten; None for the whole account.
    symbols: frozenset[str] | None = None
    #: Signed shares that are not the bot's, by symbol.
    ignored: Mapping[str, Decimal] = field(default_factory=dict)
    sent: Sequence[Sent] = ()
    #: Symbols whose closing was rejected before, and those of them that must not be tried again yet.
    rejected: frozenset[str] = frozenset()
    resting: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Closing:
    """A position to close: *shares*, signed, are the bot's; *now*, unsigned, can certainly be closed now."""

    position: Position
    shares: Decimal
    now: Decimal

    @property
    def is_all(self) -> bool:
        """Whether the whole position is closed now."""
        return self.now == abs(self.position.shares)


@dataclass(frozen=True)
class Plan:
    """One round: cancel these orders, close these positions, and wait for the others."""

    cancel: tuple[Order, ...]
    #: Whether all orders of the account may be cancelled at once.
    cancel_all: bool
    close: tuple[Closing, ...]
    #: Every position that is left, whether or not it can be closed now.
    left: tuple[Closing, ...]
    orders_left: int
    #: Whether there are fills of other orders so new that the positions may not show them yet.
    is_unsettled: bool
    #: Symbols of orders that were sent after the flatten began, by somebody else.
    opposed: tuple[str, ...]

    @property
    def shows_nothing(self) -> bool:
        """Whether this reading shows that nothing is left."""
        return not self.left and not self.orders_left


def make_plan(goal: Goal, seen: Seen) -> Plan:
    """Plan the next round.

    No more is closed than is certainly there: a position may still show shares that were sold within the last POSITIONS_LAG.
    """
    held = {each.symbol: each for each in seen.positions}
    own = {each.order_id for each in goal.sent}
    orders = [each for each in seen.orders if _concerns(each, goal, held)]
    busy = {each.symbol for each in orders}
    reduced = _recent_closings(goal, seen)
    left = tuple(
        Closing(position, shares, max(abs(shares) - reduced[position.symbol, position.shares > 0], ZERO))
        for position in seen.positions
        if (goal.symbols is None or position.symbol in goal.symbols)
        and (shares := _shares_to_close(position, goal.ignored.get(position.symbol, ZERO)))
    )
    close = tuple(
        each for each in left if each.position.symbol not in busy and _can_be_closed(each, goal, seen)
    )
    cancel = tuple(each for each in orders if each.id not in own and each.status not in _ENDING)
    opposed = {
        each.symbol
        for each in orders
        if each.id not in own
        and each.submitted_at is not None
        and each.submitted_at > goal.started_at + ORDERS_LAG
    }
    is_whole = goal.symbols is None and not goal.ignored and not any(each.id in own for each in seen.orders)
    return Plan(
        cancel=cancel,
        # shares that are held for an order that is not listed belong to legs that wait for another order
        cancel_all=is_whole and (len(cancel) > 1 or any(_is_held_back(each, busy) for each in left)),
        close=close,
        left=left,
        orders_left=len(orders),
        is_unsettled=any(
            each.order_id not in own and (goal.symbols is None or each.symbol in goal.symbols)
            for each in seen.fills
            if seen.at - each.at < POSITIONS_LAG
        ),
        opposed=tuple(sorted(opposed)),
    )


def _shares_to_close(position: Position, ignored: Decimal) -> Decimal:
    """Signed shares that are the bot's; 0 if none are."""
    if position.shares * ignored <= 0:
        return position.shares  # nothing is ignored, or the ignored position is gone
    if abs(ignored) >= abs(position.shares):
        return ZERO
    return position.shares - ignored


def _can_be_closed(closing: Closing, goal: Goal, seen: Seen) -> bool:
    position = closing.position
    return (
        closing.now > 0
        and (seen.is_open or position.asset_class == "crypto")
        and abs(position.available) >= closing.now
        and position.symbol not in goal.resting
    )


def _is_held_back(closing: Closing, busy: set[str]) -> bool:
    position = closing.position
    return position.symbol not in busy and abs(position.available) < abs(position.shares)


def _recent_closings(goal: Goal, seen: Seen) -> dict[tuple[str, bool], Decimal]:
    """Shares, unsigned, that were recently taken off positions, by symbol and whether the position is long: by fills, and by
    the flatten's own orders that are done but whose fills are not listed yet."""
    taken: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for fill in seen.fills:
        filled[fill.order_id] += abs(fill.shares)
        if seen.at - fill.at < POSITIONS_LAG:
            taken[fill.symbol, fill.shares < 0] += abs(fill.shares)
    working = {each.id for each in seen.orders}
    for order in goal.sent:
        unlisted = abs(order.shares) - filled[order.order_id]
        if order.order_id not in working and unlisted > 0 and seen.at - order.at < POSITIONS_LAG:
            for is_long in (True, False):
                taken[order.symbol, is_long] += unlisted
    return taken


def _concerns(order: Order, goal: Goal, held: Mapping[str, Position]) -> bool:
    """Whether an order has to be cancelled: not if its position is ignored as a whole."""
    if goal.symbols is not None:
        return order.symbol in goal.symbols
    ignored = goal.ignored.get(order.symbol)
    position = held.get(order.symbol)
    return ignored is None or position is None or position.shares != ignored
