"""Commands, trades, reconciliations and restarts in any order, against a model (``ledger_model``) that fits on a page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from bot.errors import GateClosed, TradeConflict
from bot.models import BotTrade
from bot.trading.idempotency import IdempotencyKey
from bot.trading.trade_requests import GIVEN_REASONS
from tests.bot.trading.ledger_model import Trade
from tests.bot.trading.operated_ledger import OperatedLedger

pytestmark = pytest.mark.slow

prices = st.decimals(min_value="1", max_value="20", places=2)
sizes = st.integers(-9, 9).filter(bool)
reasons = st.sampled_from(GIVEN_REASONS)


class LedgerMachine(OperatedLedger):
    """The bot trades with what an operator leaves it."""

    @rule(data=st.data(), price=prices, shares=sizes, filled=st.booleans(), ready=st.booleans())
    def trade(self, data: st.DataObject, price: Decimal, shares: int, filled: bool, ready: bool) -> None:
        """One of the bot's calls."""
        may = ["open"]
        if self.model.trades:
            may += ["open", "fill", "fill", "withdraw", "mark", "part", "part", "close", "close", "correct"]
        if self.last is not None:
            may.append("repeat")
        match data.draw(st.sampled_from(may)):
            case "open":
                self.open(shares, price, filled, ready)
            case "fill":
                self.fill(data, price, shares)
            case "withdraw":
                self.withdraw(data)
            case "mark":
                self.mark(data)
            case "close":
                self.close(data, price)
            case "part":
                self.part(data, price)
            case "correct":
                self.correct(data, price)
            case "repeat":
                self.repeat()

    def open(self, shares: int, price: Decimal, filled: bool, ready: bool) -> None:
        if ready:
            self.get_going()
        said: dict[str, Any] = {
            "symbol": f"S{len(self.model.trades)}",
            "shares": shares,
            "entry_price": price,
        }
        if self.model.reasons:
            with pytest.raises(GateClosed) as refused:
                self.world.ledger.open_trade(**said)
            assert list(refused.value.reasons) == self.model.reasons
        else:
            order = str(uuid4()) if filled else None
            trade = self.say(self.world.ledger.open_trade, **said, alpaca_order_id=order)
            self.model.trades[trade.id] = Trade(Decimal(shares), price, filled=filled, mode=self.model.mode)
            if filled:
                self.model.trades[trade.id].reported.append((Decimal(shares), price))
            if not filled:
                self.last = None  # a reservation that is repeated without a key is another one

    def fill(self, data: st.DataObject, price: Decimal, drawn: int) -> None:
        """A fill of any size, now and then of the other side."""
        trade_id, trade = self.pick(data, filled=data.draw(st.booleans()))
        own_side = data.draw(st.integers(0, 5)) > 0
        shares = Decimal(drawn if (drawn * trade.shares > 0) is own_side else -drawn)
        said: dict[str, Any] = {
            "alpaca_order_id": self.world.trade_of(trade_id).alpaca_order_id or str(trade_id),
            "entry_price": price,
            "shares": shares,
        }
        fill = (shares, price)
        old = trade.filled and (fill == (trade.shares, trade.price) or fill in trade.reported)
        grows = trade.filled and trade.status == "open" and abs(shares) > abs(trade.shares)
        comes_back = not trade.filled and (trade.status == "open" or trade.mode == self.model.mode)
        try:
            self.say(self.world.ledger.record_entry, trade_id, **said)
        except TradeConflict:
            assert not own_side or not (old or grows or comes_back)
        else:
            assert own_side
            assert old or grows or comes_back
            if not old:
                event(f"a fill of a trade that was {trade.status}")
                if trade.exits:
                    event("more filled of a trade that was left in part")
                if trade.status != "open":
                    trade.status, trade.exit_reason = "open", None
                trade.filled, trade.price, trade.shares = True, price, shares
                trade.reported.append(fill)
            elif fill != (trade.shares, trade.price):
                event("an earlier fill that came late")

    def withdraw(self, data: st.DataObject) -> None:
        trade_id, trade = self.pick(data, filled=False)
        try:
            self.say(self.world.ledger.void_trade, trade_id)
        except TradeConflict:
            assert trade.filled
        else:
            assert not trade.filled
            trade.status, trade.exit_reason = "void", trade.exit_reason if trade.status == "void" else None

    def mark(self, data: st.DataObject) -> None:
        trade_id, trade = self.pick(data, filled=True)
        reason = data.draw(reasons)
        try:
            self.say(self.world.ledger.mark_exit_reason, trade_id, reason)
        except TradeConflict:
            assert trade.status != "open"
            assert reason != trade.exit_reason
        else:
            assert trade.status == "open" or reason == trade.exit_reason
            trade.exit_reason = reason

    def close(self, data: st.DataObject, price: Decimal) -> None:
        """With a reason, or with the one that was marked."""
        trade_id, trade = self.pick(data, filled=True)
        reason = None if trade.exit_reason and data.draw(st.booleans()) else data.draw(reasons)
        shares = [count for count, _ in trade.exits]
        average = trade.exits and sum(count * each for count, each in trade.exits) / sum(shares)
        same = trade.exits and price in (average, trade.exits[-1][1]) and reason in (None, trade.exit_reason)
        try:
            self.say(self.world.ledger.close_trade, trade_id, exit_price=price, exit_reason=reason)
        except TradeConflict:
            assert not trade.filled or (trade.status == "closed" and not same)
        else:
            assert trade.filled
            assert trade.status != "closed" or same
            event(f"closed a trade that was {trade.status}{' and left in part' if trade.exits else ''}")
            if trade.status != "closed":
                trade.leave(trade.rest, price, reason)

    def part(self, data: st.DataObject, price: Decimal) -> None:
        """A part of an exit, now and then of more than is held."""
        trade_id, trade = self.pick(data, filled=True)
        most = int(abs(trade.rest)) + 1
        shares = Decimal(data.draw(st.integers(1, most))).copy_sign(trade.shares)
        reason = data.draw(reasons)
        held = trade.filled and trade.status in ("open", "missed") and abs(shares) <= abs(trade.rest)
        once = IdempotencyKey("tests", str(uuid4()))
        try:
            self.say(
                self.world.ledger.record_exit,
                trade_id,
                shares=shares,
                exit_price=price,
                exit_reason=reason,
                once=once,
            )
        except TradeConflict:
            assert not held
        else:
            assert held
            event(f"left a part of a trade that was {trade.status}")
            trade.leave(shares, price, reason)

    def correct(self, data: st.DataObject, price: Decimal) -> None:
        """A closed trade ended at another price."""
        closed = self.model.of("closed")
        trade_id = data.draw(st.sampled_from(closed if closed else list(self.model.trades)))
        trade = self.model.trades[trade_id]
        try:
            self.say(self.world.ledger.correct_trade, trade_id, exit_price=price, reason="a typo")
        except TradeConflict:
            assert trade.status != "closed"
        else:
            assert trade.status == "closed"
            event("corrected a closed trade")
            trade.exits = [(shares, price) for shares, _ in trade.exits]
            trade.pnl = trade.booked

    def repeat(self) -> None:
        """What was said last is said again, as after an answer that was lost."""
        assert self.last is not None
        say, args, said = self.last
        before = say(*args, **said).updated_at
        assert say(*args, **said).updated_at == before

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


@pytest.mark.parametrize(
    "examples", [3, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_any_order_of_commands_trades_and_restarts_ends_as_in_the_model(
    machine: type[LedgerMachine], monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    monkeypatch.setattr("bot.market_hours.is_open", lambda *_: True)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30 if examples < 10 else 50,
            deadline=None,
            # to shrink a failure on a real database takes minutes
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
