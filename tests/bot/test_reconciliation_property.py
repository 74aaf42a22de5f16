"""A trade becomes missed only if two good reads and its order agree: random trades, positions, orders and faults,
against a model that was written from the rules and shares no code with the bot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from bot.broker import alpaca
from bot.models import Outcome, Trigger
from bot.reconciliation import evidence
from tests.bot import fake
from tests.bot.fake import ACCOUNT, Answer, Call
from tests.bot.world import Account, TestDatabase, World

pytestmark = pytest.mark.slow

SYMBOLS = ("AAPL", "BRK.B", "TSLA")
SHARES = ("-5", "-1", "0.5", "1", "2", "5")
#: An order's status, or why there is none: never sent, or unknown at the broker.
NO_ORDER, UNKNOWN = "no order", "unknown"
FINISHED = ("filled", "canceled", "expired", "rejected", "replaced")
WORKING = ("new", "partially_filled", "pending_cancel", "held", "suspended")
CALLS = ("account", "first read", "orders", "second read")
FAULTS = {
    "500": Answer({"message": "sorry"}, 500),
    "429": Answer({"message": "slow down"}, 429),
    "401": Answer({"message": "who?"}, 401),
    "404": Answer(b"<html>nginx</html>", 404),
    "HTML": Answer(b"<html></html>"),
    "nothing": Answer(b""),
    "null": Answer(None),
    "short row": Answer([{"symbol": "AAPL"}]),
    "cut off": Answer(b'[{"symbol": "AAPL", "qty": "1", "si'),
}


@dataclass(frozen=True)
class Trade:
    symbol: str
    shares: Decimal
    order: str
    #: Created before the read began; if not, after it.
    before: bool = True


@dataclass(frozen=True)
class Case:
    trades: tuple[Trade, ...]
    first: dict[str, Decimal]
    second: dict[str, Decimal]
    fault: tuple[str, str] | None
    #: More orders than are asked for one by one.
    by_list: bool


TRADES = st.builds(
    Trade,
    symbol=st.sampled_from(SYMBOLS),
    shares=st.sampled_from(SHARES).map(Decimal),
    order=st.sampled_from((NO_ORDER, UNKNOWN, *FINISHED, *WORKING)),
    before=st.sampled_from((True, True, True, True, False)),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    trades = tuple(draw(st.lists(TRADES, max_size=6)))

    def read() -> dict[str, Decimal]:
        """What a broker could have: the trades' own sums, nothing, or something else."""
        held: dict[str, Decimal] = {}
        for symbol in SYMBOLS:
            own = sum((t.shares for t in trades if t.symbol == symbol and t.before), Decimal(0))
            shares = draw(st.sampled_from((own, own, Decimal(0), Decimal(0), Decimal(3), -own)))
            if shares:
                held[symbol] = shares
        return held

    first = read()
    second = first if draw(st.booleans()) else read()
    fault = draw(st.none() | st.tuples(st.sampled_from(CALLS), st.sampled_from(tuple(FAULTS))))
    return Case(trades, first, second, fault, draw(st.booleans()))


class Broker:
    """An Alpaca of one case. It notes whether its fault struck."""

    def __init__(self, case: Case, orders: dict[str, str]) -> None:
        self.case, self.orders = case, orders
        self.reads = 0
        self.struck = False

    def __call__(self, call: Call) -> Answer:
        if call.path == "/v2/positions":
            self.reads += 1
        names = {"/v2/account": "account", "/v2/positions": ("first read", "second read")[self.reads - 1]}
        name = names.get(call.path, "orders")
        if self.case.fault and self.case.fault[0] == name:
            self.struck = True
            return FAULTS[self.case.fault[1]]
        if name == "account":
            return Answer(ACCOUNT)
        if name != "orders":
            held = self.case.first if name == "first read" else self.case.second
            return Answer([self.position(symbol, shares) for symbol, shares in held.items()])
        if call.path == "/v2/orders":
            rows = [
                {"id": order, "symbol": "X", "status": status, "submitted_at": "2026-11-20T17:00:00Z"}
                for order, status in self.orders.items()
                if status in WORKING
            ]
            return Answer(rows)
        status = self.orders.get(call.path.rsplit("/", 1)[-1], UNKNOWN)
        if status == UNKNOWN:
            return Answer({"code": 40410000, "message": "order not found"}, 404)
        return Answer({"status": status})

    @staticmethod
    def position(symbol: str, shares: Decimal) -> dict[str, str]:
        return {"symbol": symbol, "qty": str(shares), "side": "long" if shares > 0 else "short"}


def model_missed(case: Case, trade: Trade) -> bool:
    """Whether a trade has to be written off, all calls having been answered."""
    own = sum(t.shares for t in case.trades if t.symbol == trade.symbol and t.before)
    return (
        trade.before
        and own != 0  # a long and a short of the same size are a position of zero, which is what is there
        and trade.symbol not in case.first
        and trade.symbol not in case.second
        and trade.order not in WORKING
    )


def model_differs(case: Case, symbol: str, there: dict[str, Decimal]) -> bool:
    """Whether the two sides disagree on a symbol when the missing trades are gone: no set of fills explains it."""
    left = [t for t in case.trades if t.symbol == symbol and not model_missed(case, t)]
    compared = [t for t in left if t.before]
    held = there.get(symbol, Decimal(0))
    if sum(t.shares for t in left) == held:
        return False
    # Orders are asked for between the reads, and only for symbols that were unequal in the first.
    asked = sum(t.shares for t in case.trades if t.symbol == symbol and t.before) != case.first.get(symbol, 0)
    may_fill = [t.shares for t in compared if t.order in WORKING and asked]
    sure = sum(t.shares for t in compared) - sum(may_fill)
    least = sure + sum(shares for shares in may_fill if shares < 0)
    most = sure + sum(shares for shares in may_fill if shares > 0)
    return not least <= held <= most


@pytest.fixture
def broker() -> Iterator[tuple[str, list[Broker]]]:
    """An address, and who answers there."""
    now: list[Broker] = []
    with fake.serve(lambda call: now[-1](call)) as url:
        yield url, now


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_a_trade_becomes_missed_only_if_two_good_reads_and_its_order_agree(
    database: TestDatabase, broker: tuple[str, list[Broker]], monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    url, answering = broker
    monkeypatch.setattr(evidence, "SECOND_READ_AFTER_SEC", 0)
    monkeypatch.setattr(alpaca, "ORDERS_ONE_BY_ONE", 0 if case.by_list else 20)
    database.reset()
    world = World(database, Paper(url), market_hours="always")
    world.set_config(reconciled_at=world.database.now())
    ids, orders = store(world, case)
    answering.append(Broker(case, orders))
    before = world.trades()

    report = world.reconcile(Trigger.RETRY)

    after, played = world.trades(), answering[-1]
    missed = {trade for trade in before if after[trade]["status"] == "missed"}
    for trade, stored in before.items():
        allowed = {"status", "exit_reason", "note", "updated_at"} if trade in missed else set()
        assert {name for name in stored if after[trade][name] != stored[name]} <= allowed
    event(f"outcome {report.outcome}, {'some' if missed else 'none'} missed")
    if played.struck:
        assert report.outcome is Outcome.FAILED
        assert report.error
        assert missed == set()
        assert not world.reconciled()
        return
    # The promise itself, and that it is kept in the other direction, too: what is gone is not kept for ever.
    assert report.outcome is Outcome.OK
    assert missed == {ids[n] for n, trade in enumerate(case.trades) if model_missed(case, trade)}
    assert report.missed == len(missed)
    assert played.reads == 2 or not missed
    there = case.second if played.reads == 2 else case.first
    differing = [symbol for symbol in SYMBOLS if model_differs(case, symbol, there)]
    assert [found["symbol"] for found in report.differences] == differing
    assert world.reconciled() is (not differing)


class Paper(Account):
    """Keys for whoever answers at an address."""

    def __init__(self, url: str) -> None:
        self.url, self.key = url, "PKPROPERTY"


def store(world: World, case: Case) -> tuple[list[UUID], dict[str, str]]:
    """The trades' ids, in order, and the status of each order by its id."""
    ids, orders, rows = [], {}, []
    now = world.database.now()
    for trade in case.trades:
        order = None if trade.order == NO_ORDER else str(uuid4())
        if order and trade.order != UNKNOWN:
            orders[order] = trade.order
        ids.append(uuid4())
        created_at = now + timedelta(hours=-1 if trade.before else 1)
        rows.append((ids[-1], trade.symbol, trade.shares, order, created_at))
    if rows:
        world.sql(
            "INSERT INTO bot_trade (id, symbol, shares, alpaca_order_id, created_at, entry_price) VALUES "
            + ", ".join(["(%s, %s, %s, %s, %s, 10)"] * len(rows)),
            [value for row in rows for value in row],
        )
    return ids, orders
