"""A day in which reconciliation has to keep the books right, whatever happens at the broker meanwhile."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.bot.reconciliation.book_rows import Found, Row
from tests.bot.reconciliation.broker_model import ZERO, Asset, ModelBroker

T = TypeVar("T")
LAG_SEC = 61
sizes = st.integers(1, 9).map(Decimal)
prices = st.decimals(min_value=1, max_value=20, places=2)
#: Seconds until the position, and the list of fills, shows a fill.
shown = st.sampled_from((0, 0, 5, 50))
listed = st.sampled_from((0, 0, 5))


class Books(Protocol):
    """What the executor and the operator use; each method that changes something may raise Conflict."""

    def rows(self) -> Mapping[UUID, Row]: ...
    def reserve(self, symbol: str, shares: Decimal, price: Decimal) -> UUID: ...
    def attach(self, trade_id: UUID, order_id: str) -> None: ...
    def record_entry(
        self, trade_id: UUID, order_id: str, shares: Decimal, price: Decimal, at: datetime
    ) -> None: ...
    def void(self, trade_id: UUID) -> None: ...
    def record_exit(
        self, trade_id: UUID, shares: Decimal, price: Decimal, at: datetime, order_id: str
    ) -> None: ...
    def settle(self, action: str, **params: Any) -> None: ...
    def reconcile(self) -> Found: ...
    def advance(self, seconds: float) -> None: ...


@dataclass
class Plan:
    """What the executor knows of a trade."""

    asset: Asset
    #: 1 for long, -1 for short.
    side: int
    wanted: Decimal
    order: str | None = None
    exits: list[str] = field(default_factory=list)
    recorded: set[str] = field(default_factory=set)
    is_dead: bool = False


class ReconciledDay(RuleBasedStateMachine):
    """Time goes by and reconciliation keeps the books; nothing else happens yet."""

    #: Kinds of events that struck, of all examples.
    struck: ClassVar[Counter[str]]

    books: Books
    broker: ModelBroker

    @abstractmethod
    def begin(self, *, inherits: bool) -> None:
        """Make ``broker`` and ``books``."""

    @initialize(inherits=st.booleans(), sides=st.tuples(*[st.sampled_from((1, 1, -1, 0))] * 2))
    def open_the_market(self, inherits: bool, sides: tuple[int, ...]) -> None:
        self.begin(inherits=inherits)
        self.assets = [self.broker.lists(f"S{n}", side) for n, side in enumerate(sides)]
        self.names = {each.symbol: each.id for each in self.assets}
        self.plans: dict[UUID, Plan] = {}
        #: Orders that enter trades.
        self.entering: set[str] = set()
        #: Assets to which something happened that no record tells, and the price that an operator knows of it.
        self.odd: dict[str, tuple[str, Decimal]] = {}
        self.struck["example"] += 1

    def one_of(self, data: st.DataObject, items: Sequence[T]) -> T:
        """Any of *items*; a failing example shows which one by its number."""
        return items[data.draw(st.integers(0, len(items) - 1))]

    def strikes(self, kind: str) -> None:
        self.struck[kind] += 1

    def rows_of(self, asset: Asset) -> list[Row]:
        return [row for row in self.books.rows().values() if self.names[row.symbol] == asset.id]

    def asset_of(self, row: Row) -> Asset:
        return self.broker.assets[self.names[row.symbol]]

    def is_odd(self, asset: Asset, kind: str) -> bool:
        return self.odd.get(asset.id, ("",))[0] == kind

    def is_now_odd(self, asset: Asset, kind: str, price: Decimal) -> None:
        self.odd[asset.id] = (kind, price)
        self.strikes(kind)

    # -- time, and reconciliation -----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 6, 11, 30, LAG_SEC, 600)))
    def time_goes_by(self, seconds: int) -> None:
        self.books.advance(seconds)

    @rule(times=st.integers(1, 3), apart=st.sampled_from((1, 6, 11, 30)))
    def reconcile(self, times: int, apart: int) -> None:
        for _ in range(times):
            self.reconcile_now()
            self.books.advance(apart)

    def reconcile_now(self) -> Found:
        found = self.books.reconcile()
        self.strikes("reconciliation")
        if found.booked:
            self.strikes("reconciliation that booked")
        if found.differences:
            self.strikes("reconciliation that differed")
        for trade_id in found.missed:
            plan = self.plans.get(trade_id)
            assert (plan is not None and plan.order is None) or (
                self.is_odd(self.asset_of(self.books.rows()[trade_id]), "merger")
            ), f"{trade_id} is missed, and the broker's record explains it"
            self.strikes("missed, rightly")
        assert not found.error, found.error
        self.nothing_is_booked_twice()
        return found

    def nothing_is_booked_twice(self) -> None:
        booked: dict[str, Decimal] = {}
        for row in self.books.rows().values():
            for each in row.exits:
                if each.order_id:
                    booked[each.order_id] = booked.get(each.order_id, ZERO) + abs(each.shares)
        filled: dict[str, Decimal] = {}
        for fill in (each.fill for each in self.broker.fills):
            filled[fill.order_id] = filled.get(fill.order_id, ZERO) + abs(fill.shares)
        for order_id, shares in booked.items():
            own = filled.get(order_id, ZERO)
            assert shares <= max(own, self.broker.orders[order_id].filled), f"{order_id} is booked twice"

    def look_again(self) -> None:
        """Reconcile until nothing lags, and suspects are decided about."""
        self.books.advance(LAG_SEC)
        for _ in range(3):
            self.reconcile_now()
            self.books.advance(11)
