"""What every settlement has in common: what must be said, who is told, and what becomes of the bot and its gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from bot.alerts.messages import sentence
from bot.models import AlertKind, Trigger
from bot.states import BotState, CommandKind, CommandStatus, Mode
from tests.bot.commands.settling import WHY, FakeWorld, agrees, bought, refused, settle, settled
from tests.bot.world import ACTOR, World


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


# -- who is told ----------------------------------------------------------------------------------------------


def test_a_settlement_is_told_with_what_was_settled_by_whom_and_why_and_a_rejected_one_is_not(
    world: FakeWorld,
) -> None:
    trade = bought(world)
    refused(world, "acknowledge", tradeId=trade)
    settled(world, "void", tradeId=trade)
    [told] = world.sql("SELECT facts FROM bot_alert WHERE kind = 'settled'")
    said = sentence(AlertKind.SETTLED, told["facts"])
    assert f"Settled by {ACTOR}" in said
    assert WHY in said
    assert f"void {trade}" in said


# -- the request ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({}, {"action"}),
        ({"action": "sell"}, {"action"}),
        ({"action": "adopt"}, {"symbol"}),
        ({"action": "adopt", "symbol": "aapl"}, {"symbol"}),
        ({"action": "adopt", "symbol": "AAPL", "tradeId": str(uuid4())}, {"tradeId"}),
        ({"action": "close", "tradeId": "17"}, {"tradeId"}),
        ({"action": "close"}, {"tradeId", "exitPrice"}),
        ({"action": "adjust", "tradeId": str(uuid4())}, {"shares", "entryPrice"}),
        ({"action": "adjust", "tradeId": str(uuid4()), "shares": 0}, {"shares"}),
        ({"action": "adjust", "tradeId": str(uuid4()), "entryPrice": "1e999999"}, {"entryPrice"}),
        ({"action": "void", "tradeId": str(uuid4()), "shares": 1}, {"shares"}),
        ({"action": "watch", "symbol": "AAPL", "colour": "red"}, {"colour"}),
    ],
)
def test_each_wrong_field_is_named(world: FakeWorld, params: dict[str, Any], fields: set[str]) -> None:
    command = world.do(CommandKind.SETTLE, params=params, reason=WHY)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "validation")
    assert set((command.error_details or {})["fields"]) == fields
    assert all(field in (command.error or "") for field in fields)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_settlement_needs_a_reason(world: FakeWorld, reason: str | None) -> None:
    trade = bought(world)
    command = settle(world, "write_off", reason, tradeId=trade)
    assert (command.error_code, list((command.error_details or {})["fields"])) == ("validation", ["reason"])
    assert world.status_of(trade) == "open"


def test_an_id_that_a_trade_has_keeps_no_command_from_its_end(world: FakeWorld) -> None:
    world.paper.position("RIOT", 35)
    trade = bought(world)
    agrees(world)
    world.insert_command("settle", {"action": "adopt", "symbol": "RIOT"}, id=trade, reason=WHY)
    world.controller.apply()
    command = world.command(trade)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "nothing_to_settle")
    assert list(world.trades()) == [trade]


# -- the bot and its gate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(BotState))
def test_a_settlement_needs_no_stop_and_changes_no_state(world: FakeWorld, state: BotState) -> None:
    world.set_config(state=state, enabled=state is not BotState.STOPPED)
    before = world.config.revision
    command = settled(world, "write_off", tradeId=bought(world))
    assert (command.from_state, command.to_state, world.config.state) == (state, state, state)
    assert command.revision == world.config.revision == before + 1


def test_a_settlement_is_possible_while_the_kill_latch_is_on(world: FakeWorld) -> None:
    world.do(CommandKind.KILL, reason="wild fills")
    settled(world, "write_off", tradeId=bought(world))
    assert world.config.killed


def test_the_next_reconciliation_is_due_at_once_is_called_settle_and_opens_the_gate(world: FakeWorld) -> None:
    world.paper.position("RIOT", 35)
    assert not agrees(world, Trigger.STARTUP)
    assert not world.reconciled()
    assert world.controller.claim_reconciliation() is None, "the next attempt is not due yet"

    settled(world, "adopt", symbol="RIOT")
    assert not world.reconciled(), "a settlement alone opens no gate"
    assert world.retry_in_sec() <= 0
    trigger = world.controller.claim_reconciliation()
    assert trigger is Trigger.SETTLE
    world.controller.conclude(world.gather(), trigger)
    assert world.reports()[-1]["trigger"] == "settle"
    assert world.reconciled()


def test_an_attempt_that_began_before_the_settlement_does_not_decide_about_the_gate(world: FakeWorld) -> None:
    trade = bought(world)
    world.paper.position("AAPL", 10)
    before = world.gather()
    settled(world, "adjust", tradeId=trade, shares=7)
    world.controller.conclude(before, Trigger.PERIODIC)
    assert not world.reconciled()
    assert world.retry_in_sec() <= 0, "the attempt that the settlement asked for is still to come"
    assert not agrees(world)
    assert not world.reconciled()


def test_a_refused_settlement_asks_for_no_attempt(world: FakeWorld) -> None:
    assert agrees(world)
    refused(world, "acknowledge", tradeId=bought(world))
    assert world.retry_in_sec() > 0


def test_the_sandbox_and_the_mode_of_the_moment_are_what_counts(make_world: Callable[..., World]) -> None:
    world = make_world(live=True)
    world.paper.holds(RIOT=35)
    assert world.live is not None
    world.live.holds()
    assert not agrees(world, Trigger.STARTUP)
    settled(world, "ignore", symbol="RIOT")
    assert agrees(world)
    world.set_config(mode=Mode.LIVE)
    assert "not ignored in live mode" in refused(world, "watch", symbol="RIOT")
    assert "not read within" in refused(world, "adopt", symbol="RIOT")
