"""What both sides say, made by hand for the rules that need neither a network nor a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.broker.readings import Fill, Order, Position
from bot.reconciliation.comparison import Comparison, compare
from bot.reconciliation.judgement import Verdict, judge
from bot.reconciliation.local import LAG, BookedExit, Ignored, Local, LocalTrade, OpenGroup
from bot.reconciliation.record import BrokerRecord
from bot.states import Mode

NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
#: Long enough ago for a position to show it.
OLD = NOW - timedelta(minutes=10)
#: So recent that a position may not show it.
FRESH = NOW - timedelta(seconds=20)
#: Long and short: every row of the table of judgement holds for both.
SIDES = pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
_numbers = count(1)


def dec(value: Any) -> Decimal:
    return Decimal(str(value))


def trade(shares: Any = 100, symbol: str = "AAPL", *, at: datetime = OLD, **changes: Any) -> LocalTrade:
    """An open trade whose entry is recorded at 10 dollars a share."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "symbol": symbol,
        "asset_id": f"asset of {symbol}",
        "shares": dec(shares),
        "exited": Decimal(0),
        "filled": True,
        "entry_price": Decimal(10),
        "entry_at": at,
        "order_id": None,
        "exit_order_id": None,
        "adjusted_at": None,
        "created_at": at,
        "updated_at": at,
        **changes,
    }
    values["exited"] = dec(values["exited"])
    return LocalTrade(**values)


def order(
    shares: Any = 100,
    filled: Any = None,
    status: str = "filled",
    *,
    price: Any = 10,
    at: datetime | None = OLD,
    **changes: Any,
) -> Order:
    """An order for *shares*; negative sells. All of it filled, unless *filled* says otherwise."""
    asked = dec(shares)
    done = abs(asked) if filled is None else dec(filled)
    values: dict[str, Any] = {
        "id": f"order-{next(_numbers)}",
        "client_order_id": "of somebody else",
        "symbol": "AAPL",
        "asset_id": "asset of AAPL",
        "side": 1 if asked > 0 else -1,
        "status": status,
        "quantity": abs(asked),
        "filled": done,
        "average_price": dec(price) if done else None,
        "submitted_at": OLD,
        "filled_at": at if done else None,
        "replaces": None,
        "replaced_by": None,
        **changes,
    }
    return Order(**values)


def fill(of: Order, shares: Any = None, price: Any = 10, at: datetime = OLD, **changes: Any) -> Fill:
    """A fill of an order: of all that filled, unless *shares* (unsigned) says otherwise."""
    size = of.filled if shares is None else dec(shares)
    values: dict[str, Any] = {
        "id": f"fill-{next(_numbers)}",
        "order_id": of.id,
        "symbol": of.symbol,
        "shares": of.side * size,
        "price": dec(price),
        "at": at,
        **changes,
    }
    return Fill(**values)


def booked(of: LocalTrade, shares: Any, *, at: datetime = OLD, **changes: Any) -> BookedExit:
    values: dict[str, Any] = {
        "trade_id": of.id,
        "symbol": of.symbol,
        "shares": dec(shares),
        "price": Decimal(10),
        "order_id": None,
        "fill_id": None,
        "at": at,
        "created_at": at,
        **changes,
    }
    return BookedExit(**values)


def position(symbol: str, shares: Any, asset_id: str | None = None) -> Position:
    return Position(
        symbol=symbol,
        asset_id=f"asset of {symbol}" if asset_id is None else asset_id,
        asset_class="us_equity",
        shares=dec(shares),
        available=dec(shares),
        avg_entry_price=Decimal(10),
        current_price=Decimal(10),
        market_value=dec(shares) * 10,
        open_pnl=Decimal(0),
    )


def record(
    orders: Iterable[Order] = (), fills: Iterable[Fill] = (), unasked: Iterable[UUID] = ()
) -> BrokerRecord:
    found = list(orders)
    return BrokerRecord(
        orders={each.id: each for each in found},
        by_client_id={each.client_order_id: each for each in found},
        fills=sorted(fills, key=lambda each: each.at),
        unasked=frozenset(unasked),
    )


def local(trades: Iterable[LocalTrade], ignored: Iterable[Ignored] = ()) -> Local:
    """The trades as the database adds them up."""
    groups: dict[tuple[str, str | None], list[LocalTrade]] = {}
    for each in trades:
        groups.setdefault((each.symbol, each.asset_id), []).append(each)
    return Local(
        mode=Mode.PAPER,
        began_at=NOW,
        groups=tuple(
            OpenGroup(
                symbol,
                asset_id,
                sum((each.held for each in members), Decimal(0)),
                len(members),
                any(not each.filled and each.created_at < NOW - LAG for each in members)
                or len({each.shares > 0 for each in members}) > 1,
            )
            for (symbol, asset_id), members in groups.items()
        ),
        ignored=tuple(ignored),
    )


def comparison(
    trades: Iterable[LocalTrade], positions: Iterable[Position], ignored: Iterable[Ignored] = ()
) -> Comparison:
    return compare(local(trades, ignored), {each.symbol: each for each in positions})


def judged(
    trades: Iterable[LocalTrade],
    there: Any,
    *,
    orders: Iterable[Order] = (),
    fills: Iterable[Fill] = (),
    exits: Iterable[BookedExit] = (),
    suspects: Mapping[UUID, datetime] | None = None,
    unasked: Iterable[UUID] = (),
    symbol: str = "AAPL",
) -> Verdict:
    """The verdict on trades of one symbol of which the broker holds *there* shares."""
    own = list(trades)
    held = [position(symbol, there)] if dec(there) else []
    return judge(comparison(own, held), own, list(exits), record(orders, fills, unasked), suspects or {}, NOW)


def told(verdict: Verdict) -> list[tuple[str, str, str]]:
    """Kind and both figures of each difference."""
    return [(each.kind.value, f"{each.here:f}", f"{each.there:f}") for each in verdict.differences]


def ids(found: Any) -> list[Any]:
    return [getattr(each, "id", None) or each.trade.id for each in found]


def fills_of(found: Any, side: int = 1) -> list[Any]:
    """Shares and price of each; with *side*, the shares of a short trade as those of a long one."""
    return [(each.shares * side, each.price) for each in found]
