"""A ledger that an operator uses: commands, reconciliations and restarts in any order, and what always holds of its model."""

from __future__ import annotations

from collections.abc import Set
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.broker.readings import Account, Clock, Position
from bot.commands.log import NewCommand
from bot.commands.mode_switch import Preflight
from bot.models import BotDailyStats, BotTrade, Outcome, TradeStatus, Trigger
from bot.reconciliation.comparison import compare
from bot.reconciliation.evidence import Reading
from bot.reconciliation.local import Local, OpenGroup, read_trades
from bot.reconciliation.record import BrokerRecord
from bot.states import CommandKind, CommandStatus, Mode, Source
from bot.status import heartbeat
from tests.bot.fake import an_account
from tests.bot.ledger_world import WORKER, World, settings_of
from tests.bot.trading.ledger_model import LOSS_LIMIT, STEPS, Model, Trade


class OperatedLedger(RuleBasedStateMachine):
    """The bot does nothing here yet."""

    database_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        # "always" would keep the mode from being switched to live; the test has the exchange open instead
        self.settings = settings_of(self.database_url, market_hours="nyse")
        self.world = World(self.settings, pool_size=1)
        self.world.do("kill")
        self.world.do("rearm")
        self.world.do("update_config", maxConcurrentPositions=3, dailyLossLimitUsd=int(LOSS_LIMIT))
        for table in ("bot_trade", "bot_daily_stats"):
            self.world.sql(f"DELETE FROM {table}")
        self.world.database.batched(lambda batch: heartbeat.beat(batch, WORKER))
        self.model = Model(self.world.config().mode)
        self.get_going()
        self.last: tuple[Any, tuple[Any, ...], dict[str, Any]] | None = None

    def teardown(self) -> None:
        self.world.close()

    # -- the operator -----------------------------------------------------------------------------------------

    @rule(data=st.data())
    def operate(self, data: st.DataObject) -> None:
        """A command, a reconciliation or a restart. They are one rule because examples leave whole rules out."""
        kinds = ["start", "resume", "rearm", "pause", "stop", "kill"]
        match data.draw(st.sampled_from([*kinds, "limit", "restart", "mode", *["reconcile"] * 3])):
            case "limit":
                self.limit(data.draw(st.integers(1, 4)))
            case "restart":
                self.restart()
            case "mode":
                self.switch(data.draw(st.sampled_from(Mode)), flat=data.draw(st.booleans()))
            case "reconcile":
                lost = {trade_id for trade_id in self.model.of("open") if data.draw(st.booleans())}
                self.reconcile(lost, stray=data.draw(st.integers(0, 5)) == 0)
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
        self.reconcile()

    def switch(self, target: Mode, *, flat: bool) -> None:
        """To *target*, whose account can be used, while the present one holds nothing."""
        if flat:
            self.command("stop")
            self.reconcile(set(self.model.of("open")))
        model, world = self.model, self.world
        wanted = NewCommand(
            kind=CommandKind.SET_MODE, actor="tests", source=Source.API, params={"mode": target.value}
        )
        command = world.controller.submit(wanted)
        preflight = Preflight(
            Mode(model.mode),
            target,
            world.database.now(),
            (),
            account_of(target),
            None,
            account_of(model.mode),
        )
        [done] = world.controller.apply(evidence={command.id: preflight})
        may = target == model.mode or (model.state == "stopped" and not model.of("open"))
        assert (done.status is CommandStatus.APPLIED) is may
        if may and target != model.mode:
            event("switched the mode")
            model.mode, model.reconciled = target, False

    def limit(self, most: int) -> None:
        self.world.do("update_config", maxConcurrentPositions=most)
        self.model.most = most

    # -- the worker -------------------------------------------------------------------------------------------

    def restart(self) -> None:
        self.world.close()
        self.world = World(self.settings, pool_size=1)
        self.world.controller.restore(actor="tests")
        self.model.reconciled = False
        if not self.model.enabled:
            self.model.state = "stopped"
        self.last = None

    def reconcile(self, lost: Set[UUID] = frozenset(), *, stray: bool = False) -> None:
        """By hand, with a broker that has no position of the *lost* trades, and perhaps a *stray* one of its own.

        What is lost has been lost for a while: a reading before it had the same suspicion.
        """
        world, model = self.world, self.model
        for table, column in (("bot_trade", "created_at"), ("bot_trade", "entry_at")):
            world.sql(f"UPDATE {table} SET {column} = {column} - interval '2 minutes' WHERE status = 'open'")
        missed = 0
        for _ in range(2 if lost else 1):
            reading = world.database.run(lambda session: self.read(session, lost, stray=stray))
            report = world.controller.conclude(reading, Trigger.MANUAL)
            assert report.outcome is Outcome.OK, report.error
            missed += report.missed or 0
            world.sql("UPDATE bot_suspect SET since = since - interval '11 seconds'")
        assert missed == len(lost)
        for trade_id in lost:
            model.trades[trade_id].status = "missed"
            model.trades[trade_id].exit_reason = "reconciled_missing"
        model.reconciled = not stray
        self.last = None

    def read(self, session: Session, lost: Set[UUID], *, stray: bool) -> Reading:
        """What such a broker shows; it knows of no order and no fill."""
        at = session.scalars(select(func.clock_timestamp())).one()
        rows = session.scalars(select(BotTrade).where(BotTrade.status == TradeStatus.OPEN)).all()
        groups = tuple(OpenGroup(row.symbol, None, row.open_shares, 1, False) for row in rows)
        there = {row.symbol: row.open_shares for row in rows if row.id not in lost}
        positions = {symbol: a_position(symbol, shares) for symbol, shares in there.items()}
        if stray:
            positions["STRAY"] = a_position("STRAY", Decimal(1))
        local = Local(Mode(self.model.mode), at, groups)
        comparison = compare(local, positions)
        symbols = [each.symbol for each in comparison.questions]
        return Reading(
            local=local,
            read_at=at,
            account=account_of(self.model.mode),
            clock=Clock(at, is_open=True, next_open=at + timedelta(2), next_close=at + timedelta(1)),
            positions=positions,
            comparison=comparison,
            trades=read_trades(session, symbols, at),
            booked=(),
            record=BrokerRecord({}, {}, ()),
            requests=3,
        )

    # -- what always holds ------------------------------------------------------------------------------------

    @invariant()
    def the_gate_says_what_the_model_says(self) -> None:
        assert self.world.reasons() == self.model.reasons
        config = self.world.config()
        assert (config.mode, config.state, config.enabled, config.killed) == (
            self.model.mode,
            self.model.state,
            self.model.enabled,
            self.model.killed,
        )

    @invariant()
    def the_trades_are_those_of_the_model(self) -> None:
        rows = self.world.database.read(lambda session: session.query(BotTrade).all())
        assert {
            row.id: Trade(
                row.shares,
                row.entry_price,
                row.status,
                row.filled,
                row.mode or "",
                row.exit_reason,
                row.pnl,
                row.exited_shares,
            )
            for row in rows
        } == self.model.trades

    @invariant()
    def the_statistics_are_the_sum_of_the_exits_of_each_mode(self) -> None:
        rows = self.world.database.read(lambda session: session.query(BotDailyStats).all())
        found = {row.mode: (row.realized_pnl, row.trade_count, row.day_trade_count) for row in rows}
        for mode in Mode:
            assert found.get(mode, (Decimal(0), 0, 0)) == self.model.stats(mode)


def a_position(symbol: str, shares: Decimal) -> Position:
    return Position(symbol, "", "us_equity", shares, shares, Decimal(10), None, None, None)


def account_of(mode: str) -> Account:
    return an_account(f"the {mode} account")
