"""What a flatten has to do next, given what the broker shows. Pure: no network, no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.broker.readings import Order, Position

ZERO = Decimal(0)


@dataclass(frozen=True)
class Closing:
    """A position to close: all of it, or the shares that are the bot's where an operator ignores the others."""

    position: Position
    #: Signed; negative is short.
    shares: Decimal

    @property
    def is_all(self) -> bool:
        """Whether the whole position is closed."""
        return self.shares == self.position.shares


@dataclass(frozen=True)
class Plan:
    """One round: cancel these orders, close these positions, and wait for the others."""

    #: Orders that work, but for those that close a position already.
    cancel: tuple[Order, ...]
    close: tuple[Closing, ...]
    #: Everything that is left, whether something can be done about it now or not.
    left: tuple[Closing, ...]
    orders_left: int

    @property
    def is_flat(self) -> bool:
        """Whether nothing is left."""
        return not self.left and not self.orders_left


def make_plan(
    positions: Sequence[Position],
    orders: Sequence[Order],
    ignored: Mapping[str, Decimal],
    closing_orders: frozenset[str],
    symbol: str | None,
    *,
    is_open: bool,
) -> Plan:
    """Plan the next round.

    Args:
        positions: what the account holds.
        orders: its working orders.
        ignored: shares that are not the bot's, by symbol.
        closing_orders: ids of the orders that this flatten sent: these are waited for, not cancelled.
        symbol: the only symbol to flatten; None for all.
        is_open: whether the market is open: market orders are sent only then.
    """
    concerned = [each for each in orders if _concerns(each.symbol, symbol, ignored, positions)]
    left = tuple(
        closing
        for position in positions
        if symbol in (None, position.symbol) and (closing := _closing(position, ignored)) is not None
    )
    cancel = tuple(each for each in concerned if each.id not in closing_orders)
    busy = {each.symbol for each in concerned}
    # shares that an order holds cannot be closed: that order is cancelled first, and waited for
    close = tuple(
        each
        for each in left
        if is_open and each.position.symbol not in busy and abs(each.position.available) >= abs(each.shares)
    )
    return Plan(cancel=cancel, close=close, left=left, orders_left=len(concerned))


def _closing(position: Position, ignored: Mapping[str, Decimal]) -> Closing | None:
    known = ignored.get(position.symbol, ZERO)
    shares = position.shares - known
    # shares on the other side of what is ignored would turn a position around
    if shares == 0 or shares * position.shares <= 0:
        return None
    return Closing(position, shares)


def _concerns(
    of: str, symbol: str | None, ignored: Mapping[str, Decimal], positions: Sequence[Position]
) -> bool:
    """Whether an order of symbol *of* has to go: not one of a position that is ignored as a whole."""
    if symbol is not None:
        return of == symbol
    held = next((each.shares for each in positions if each.symbol == of), ZERO)
    return of not in ignored or held != ignored[of]
