"""Commands, trades, reconciliations and restarts in any order, against a model that fits on a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bot import heartbeat
from bot.errors import GateClosed, TradeConflict
from bot.models import BotTrade
from bot.states import CommandStatus
from tests.bot.ledger_world import WORKER, World, settings_of

#: From, command, to; every other pair is refused. A kill is allowed from anywhere, a rearm while it is killed.
STEPS = {
    ("stopped", "start"): "running",
    ("running", "pause"): "paused",
    ("paused", "resume"): "running",
    ("running", "stop"): "stopped",
    ("paused", "stop"): "stopped",
}
LOSS_LIMIT = Decimal(150)
prices = st.decimals(min_value="1", max_value="20", places=2)
sizes = st.integers(-9, 9).filter(bool)


@dataclass
class Trade:
    shares: Decimal
    price: Decimal
    status: str = "open"
    filled: bool = False
    pnl: Decimal | None = None


@dataclass
class Model:
    state: str = "stopped"
    enabled: bool = False
    killed: bool = False
    reconciled: bool = False
    most: int = 3
    trades: dict[UUID, Trade] = field(default_factory=dict)

    def of(self, *statuses: str) -> list[UUID]:
        return [trade_id for trade_id, trade in self.trades.items() if trade.status in statuses]

    @property
    def closed(self) -> list[Trade]:
        return [trade for trade in self.trades.values() if trade.status == "closed"]

    @property
    def pnl(self) -> Decimal:
        return sum((trade.pnl or Decimal(0) for trade in self.closed), Decimal(0))

    @property
    def reasons(self) -> list[str]:
        holds = {
            "disabled": not self.enabled,
            "killed": self.killed,
            "not_running": self.state != "running",
            "not_reconciled": not self.reconciled,
            "max_positions": len(self.of("open")) >= self.most,
            "daily_loss": self.pnl <= -LOSS_LIMIT,
        }
        return [reason for reason, held in holds.items() if held]


class LedgerMachine(RuleBasedStateMachine):
    database_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.settings = settings_of(self.database_url)
        self.world = World(self.settings, pool_size=1)
        self.world.do("kill")
        self.world.do("rearm")
        self.world.do("update_config", maxConcurrentPositions=3, dailyLossLimitUsd=int(LOSS_LIMIT))
        for table in ("bot_trade", "bot_daily_stats"):
            self.world.sql(f"DELETE FROM {table}")
        self.world.database.run(lambda session: heartbeat.beat(session, WORKER))
        self.model = Model()
        self.get_going()
        self.last: tuple[Any, tuple[Any, ...], dict[str, Any]] | None = None

    def teardown(self) -> None:
        self.world.close()

    # -- the operator -----------------------------------------------------------------------------------------

    @rule(data=st.data())
    def operate(self, data: st.DataObject) -> None:
        """A command, a reconciliation or a restart. They are one rule because examples leave whole rules out."""
        kinds = ["start", "resume", "rearm", "pause", "stop", "kill"]
        match data.draw(st.sampled_from([*kinds, "limit", "restart", *["reconcile"] * 3])):
            case "limit":
                self.limit(data.draw(st.integers(1, 4)))
            case "restart":
                self.restart()
            case "reconcile":
                self.reconcile(data)
            case kind:
                self.command(kind)

    def command(self, kind: str) -> None:
        done = self.world.do(kind).status is CommandStatus.APPLIED
        model = self.model
        if kind == "kill":
            assert done
            model.state, model.enabled, model.killed = "stopped", False, True
        elif kind == "rearm":
            assert done is model.killed
            model.killed = False
        else:
            to = STEPS.get((model.state, kind))
            if kind == "start" and model.killed:
                to = None
            assert done is (to is not None)
            model.state = to or model.state
            model.enabled = model.enabled or (done and kind == "start")

    def get_going(self) -> None:
        """What an operator does to have the bot trade again; each step may be refused as needless."""
        for kind in ("rearm", "start", "resume"):
            self.command(kind)
        self.world.sql("UPDATE bot_config SET reconciled_at = clock_timestamp()")
        self.model.reconciled = True

    def limit(self, most: int) -> None:
        self.world.do("update_config", maxConcurrentPositions=most)
        self.model.most = most

    # -- the bot ----------------------------------------------------------------------------------------------

    @rule(data=st.data(), price=prices, shares=sizes, filled=st.booleans(), ready=st.booleans())
    def trade(self, data: st.DataObject, price: Decimal, shares: int, filled: bool, ready: bool) -> None:
        """One of the bot's calls."""
        may = ["open"]
        if self.model.trades:
            may += ["open", "fill", "withdraw", "close", "close"]
        if self.last is not None:
            may.append("repeat")
        match data.draw(st.sampled_from(may)):
            case "open":
                self.open(shares, price, filled, ready)
            case "fill":
                self.fill(data, price)
            case "withdraw":
                self.withdraw(data)
            case "close":
                self.close(data, price)
            case "repeat":
                self.repeat()

    def open(self, shares: int, price: Decimal, filled: bool, ready: bool) -> None:
        if ready:
            self.get_going()
        said: dict[str, Any] = {"symbol": "ACME", "shares": shares, "entry_price": price}
        if self.model.reasons:
            with pytest.raises(GateClosed) as refused:
                self.world.ledger.open_trade(**said)
            assert list(refused.value.reasons) == self.model.reasons
        else:
            order = f"order-{uuid4()}" if filled else None
            trade = self.say(self.world.ledger.open_trade, **said, alpaca_order_id=order)
            self.model.trades[trade.id] = Trade(Decimal(shares), price, filled=filled)
            if not filled:
                self.last = None  # a reservation that is repeated without a key is another one

    def fill(self, data: st.DataObject, price: Decimal) -> None:
        trade_id, trade = self.pick(data, filled=False)
        said: dict[str, Any] = {
            "alpaca_order_id": self.world.trade_of(trade_id).alpaca_order_id or f"order-{trade_id}",
            "entry_price": price,
            "shares": trade.shares,
        }
        new = not trade.filled or price != trade.price
        try:
            self.say(self.world.ledger.record_entry, trade_id, **said)
        except TradeConflict:
            assert new
            assert trade.filled
            assert trade.status in ("closed", "missed")
        else:
            if new:
                event(f"a fill of a trade that was {trade.status}")
                trade.status = "open"
            trade.filled, trade.price = True, price

    def withdraw(self, data: st.DataObject) -> None:
        trade_id, trade = self.pick(data, filled=False)
        try:
            self.say(self.world.ledger.void_trade, trade_id)
        except TradeConflict:
            assert trade.filled
        else:
            assert not trade.filled
            trade.status = "void"

    def close(self, data: st.DataObject, price: Decimal) -> None:
        trade_id, trade = self.pick(data, filled=True)
        try:
            self.say(self.world.ledger.close_trade, trade_id, exit_price=price, exit_reason="time_exit")
        except TradeConflict:
            assert trade.status == "closed" or not trade.filled
        else:
            assert trade.filled
            pnl = trade.shares * (price - trade.price)
            assert trade.status != "closed" or trade.pnl == pnl
            event(f"closed a trade that was {trade.status}")
            trade.status, trade.pnl = "closed", pnl

    def repeat(self) -> None:
        """What was said last is said again, as after an answer that was lost."""
        assert self.last is not None
        say, args, said = self.last
        before = say(*args, **said).updated_at
        assert say(*args, **said).updated_at == before

    # -- the worker -------------------------------------------------------------------------------------------

    def restart(self) -> None:
        self.world.close()
        self.world = World(self.settings, pool_size=1)
        self.world.controller.restore(actor="tests")
        self.model.reconciled = False
        if not self.model.enabled:
            self.model.state = "stopped"
        self.last = None

    def reconcile(self, data: st.DataObject) -> None:
        """As a reconciliation does it that finds no position for some of the open trades."""
        for trade_id in self.model.of("open"):
            if data.draw(st.booleans()):
                self.world.sql(
                    "UPDATE bot_trade SET status = 'missed', exit_reason = 'reconciled_missing' WHERE id = :id",
                    id=trade_id,
                )
                self.model.trades[trade_id].status = "missed"
        self.world.sql("UPDATE bot_config SET reconciled_at = clock_timestamp()")
        self.model.reconciled = True
        self.last = None

    # -- what always holds ------------------------------------------------------------------------------------

    @invariant()
    def the_gate_says_what_the_model_says(self) -> None:
        assert self.world.reasons() == self.model.reasons
        config = self.world.config()
        assert (config.state, config.enabled, config.killed) == (
            self.model.state,
            self.model.enabled,
            self.model.killed,
        )

    @invariant()
    def the_trades_are_those_of_the_model(self) -> None:
        rows = self.world.database.read(lambda session: session.query(BotTrade).all())
        assert {
            row.id: Trade(row.shares, row.entry_price, row.status, row.filled, row.pnl) for row in rows
        } == (self.model.trades)

    @invariant()
    def the_statistics_are_the_sum_of_the_closed_trades(self) -> None:
        closed = self.model.closed
        expected = [(self.model.pnl, len(closed), len(closed))] if closed else []
        assert list(self.world.stats().values()) == expected

    def pick(self, data: st.DataObject, *, filled: bool) -> tuple[UUID, Trade]:
        """Any trade, but rather one that has not ended, and that *filled* or not; or one that was missed."""
        chance = data.draw(st.integers(0, 3))
        likely = [
            trade_id
            for trade_id in self.model.of("missed" if chance <= 1 and self.model.of("missed") else "open")
            if self.model.trades[trade_id].filled is filled
        ]
        if not likely or chance == 3:
            likely = list(self.model.trades)
        trade_id = data.draw(st.sampled_from(likely))
        return trade_id, self.model.trades[trade_id]

    def say(self, method: Any, *args: Any, **said: Any) -> BotTrade:
        trade: BotTrade = method(*args, **said)
        self.last = (method, args, said)
        return trade


@pytest.fixture(scope="module")
def machine(module_database_url: str) -> type[LedgerMachine]:
    LedgerMachine.database_url = module_database_url
    return LedgerMachine


def test_any_order_of_commands_trades_and_restarts_ends_as_in_the_model(
    machine: type[LedgerMachine],
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=50,
            deadline=None,
            # to shrink a failure on a real database takes minutes
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
