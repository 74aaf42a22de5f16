"""Trades that filled, sales and a bot that is running: what the days begin with on which books and broker come apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from bot.models import Outcome
from bot.states import CommandKind
from bot.status import gate, heartbeat
from bot.status.snapshot import snapshot
from tests.bot.fake_account import FakeAccount
from tests.bot.world import World

Fake = World[FakeAccount]


def reasons(world: Fake) -> set[str]:
    return set(gate.judge(world.database.batched(snapshot), world.settings).reasons)


def bought(world: Fake, symbol: str = "AAPL", shares: int = 100, price: Any = 100, **columns: Any) -> UUID:
    """A trade whose entry filled two minutes ago, with its order, its fill and its position."""
    trade_id = columns.pop("id", uuid4())
    at = world.ago(120)
    order = world.paper.order("new", symbol, shares, at=at, client_order_id=str(trade_id))
    world.paper.fill(order, shares, price, at)
    world.paper.position(symbol, shares, price)
    return world.trade(
        symbol,
        shares,
        id=trade_id,
        entry_price=Decimal(price),
        alpaca_order_id=order,
        mode="paper",
        **columns,
    )


def sold(world: Fake, symbol: str, shares: int, price: Any, *, seconds_ago: float = 90, **fields: Any) -> str:
    """An order that sold; the position is what the test says."""
    at = world.ago(seconds_ago)
    order = world.paper.order("new", symbol, shares, side="sell", at=at, **fields)
    world.paper.fill(order, shares, price, at)
    return order


def running(world: Fake) -> None:
    world.do(CommandKind.START)
    world.database.batched(lambda batch: heartbeat.beat(batch, "worker-1"))
    assert world.reconcile().outcome is Outcome.OK
    assert reasons(world) == set()
