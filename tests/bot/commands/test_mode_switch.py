"""The switch between paper and live money: every reason to refuse it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bot.commands import mode_switch
from bot.models import Outcome, Trigger
from bot.states import BotState, CommandKind, CommandStatus, Mode
from tests.bot.world import World


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Keys for both modes, real market hours."""
    return make_world(live=True, market_hours="nyse")


def live(world: World) -> Any:
    assert world.live is not None
    return world.live


def refused(world: World, code: str, *, mode: Mode = Mode.LIVE) -> str:
    """The sentence of a refusal, which changes nothing."""
    before = world.sql("SELECT * FROM bot_config")
    command = world.set_mode(mode)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, code), command.error
    assert world.sql("SELECT * FROM bot_config") == before
    assert command.error
    return command.error


def test_a_switch_closes_the_gate_until_the_other_account_is_reconciled(world: World) -> None:
    world.reconcile()
    assert world.reconciled()
    command = world.set_mode(Mode.LIVE)
    assert (command.status, command.mode, command.revision) == (CommandStatus.APPLIED, Mode.LIVE, 1)
    assert (command.from_state, command.to_state) == (BotState.STOPPED, BotState.STOPPED)
    config = world.config
    assert (config.mode, config.reconciled_at) == (Mode.LIVE, None)
    assert not world.reconciled()
    assert world.controller.claim_reconciliation() is Trigger.MODE_SWITCH, "which starts at once"
    report = world.reconcile(Trigger.MODE_SWITCH)
    assert (report.outcome, report.mode) == (Outcome.OK, Mode.LIVE)
    assert report.account_id == live(world).is_()["id"] == world.config.live_account_id
    assert world.config.paper_account_id == world.paper.is_()["id"]
    assert world.reconciled()
    assert world.set_mode(Mode.PAPER).status is CommandStatus.APPLIED


def test_a_switch_to_real_money_is_told_and_so_is_the_way_back(world: World) -> None:
    for mode in (Mode.LIVE, Mode.LIVE, Mode.PAPER):
        world.set_mode(mode)
    told = world.sql(
        "SELECT kind, facts ->> 'actor' AS actor FROM bot_alert WHERE kind LIKE 'went_%%' ORDER BY seq", []
    )
    assert [(each["kind"], each["actor"]) for each in told] == [
        ("went_live", "alice"),
        ("went_paper", "alice"),
    ]


@pytest.mark.parametrize("state", ["stopped", "running", "paused", "killed"])
def test_the_present_mode_again_changes_nothing_and_asks_nobody(world: World, state: str) -> None:
    world.reconcile()
    steps = {"stopped": [], "running": ["start"], "paused": ["start", "pause"], "killed": ["kill"]}[state]
    for kind in steps:
        world.do(CommandKind(kind))
    asked = world.paper.calls()
    command = world.do(CommandKind.SET_MODE, params={"mode": "paper"})
    assert (command.status, command.mode) == (CommandStatus.APPLIED, Mode.PAPER)
    assert world.reconciled(), "the gate stays as it is"
    assert world.paper.calls() == asked


@pytest.mark.parametrize("state", [BotState.RUNNING, BotState.PAUSED])
def test_not_stopped(world: World, state: BotState) -> None:
    world.do(CommandKind.START)
    if state is BotState.PAUSED:
        world.do(CommandKind.PAUSE)
    assert str(state) in refused(world, "not_stopped")
    assert world.paper.calls() == [], "Alpaca need not be asked for that"


def test_an_open_trade(world: World) -> None:
    world.trade("AAPL", 10)
    world.trade("TSLA", 10)
    assert "2 trades are open" in refused(world, "positions_open")
    assert world.paper.calls() == []


def test_a_position_at_the_present_account(world: World) -> None:
    world.paper.holds(AAPL=1, TSLA=-2)
    assert "AAPL, TSLA" in refused(world, "positions_open")


def test_a_position_at_the_target_account_is_for_its_reconciliation_to_find(world: World) -> None:
    live(world).holds(AAPL=1)
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED
    report = world.reconcile(Trigger.MODE_SWITCH)
    assert [found["kind"] for found in report.differences] == ["unknown_here"]
    assert not world.reconciled()


@pytest.mark.parametrize("lacking", ["paper", "live"])
def test_keys_are_missing(make_world: Callable[..., World], lacking: str) -> None:
    keys = {f"alpaca_{lacking}_api_key": None, f"alpaca_{lacking}_api_secret": None}
    world = make_world(live=True, market_hours="nyse", **keys)
    assert f"ALPACA_{lacking.upper()}_API_KEY" in refused(world, "credentials_missing")


def test_market_hours_that_are_not_real(make_world: Callable[..., World]) -> None:
    world = make_world(live=True, market_hours="always")
    refused(world, "market_hours_override")
    world.set_config(mode="live")
    assert world.set_mode(Mode.PAPER).status is CommandStatus.APPLIED, "paper may pretend"


@pytest.mark.parametrize("where", ["paper", "live"])
@pytest.mark.parametrize(
    "kind", ["401", "403", "429", "500", "html", "empty_body", "truncated", "refuse", "empty"]
)
def test_an_account_that_gives_no_usable_answer(world: World, where: str, kind: str) -> None:
    account = world.paper if where == "paper" else live(world)
    path = "/v2/account" if kind == "empty" else "/v2"
    account.fails({"kind": kind, "path": path})
    assert refused(world, "account_unavailable").startswith("The mode cannot be switched: ")
    account.fails()
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED


def test_an_order_that_works_at_the_account_that_is_left(world: World) -> None:
    world.paper.order("new", "TSLA")
    world.paper.order("filled", "MSFT")
    sentence = refused(world, "orders_working")
    assert "TSLA" in sentence
    assert "MSFT" not in sentence


def test_an_order_at_the_target_account_is_no_reason_to_stay(world: World) -> None:
    live(world).order("new", "TSLA")
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED


@pytest.mark.parametrize("is_bound", [True, False])
def test_keys_of_both_modes_that_lead_to_one_account(world: World, is_bound: bool) -> None:
    if is_bound:
        world.reconcile()
    live(world).is_(id=world.paper.is_()["id"])
    assert "account of its own" in refused(world, "account_unavailable")


@pytest.mark.parametrize("status", ["INACTIVE", "ACCOUNT_CLOSED", "ONBOARDING"])
def test_a_target_account_that_is_not_active(world: World, status: str) -> None:
    live(world).is_(status=status)
    assert status in refused(world, "account_unavailable")


def test_a_position_that_is_ignored_is_no_reason_to_stay(world: World) -> None:
    world.paper.holds(BTCUSD="0.000000001")
    assert "BTCUSD" in refused(world, "positions_open")
    world.sql(
        "INSERT INTO bot_ignored_position (mode, symbol, shares, actor)"
        " VALUES ('paper', 'BTCUSD', 0.000000001, 'alice')"
    )
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
def test_a_target_account_that_is_blocked(world: World, flag: str) -> None:
    live(world).is_(**{flag: True})
    assert flag in refused(world, "account_unavailable")


def test_a_present_account_that_is_blocked_can_be_left(world: World) -> None:
    world.paper.is_(account_blocked=True)
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED


@pytest.mark.parametrize("where", ["paper", "live"])
def test_an_account_that_is_not_the_one_it_was(world: World, where: str) -> None:
    world.set_config(**{f"{where}_account_id": str(uuid4())})
    assert f"The {where} keys belong to" in refused(world, "account_unavailable")


def test_a_preflight_that_is_too_old_or_of_another_mode_is_made_again(world: World) -> None:
    command = world.submit(CommandKind.SET_MODE, params={"mode": "live"})
    good = mode_switch.gather(world.database, world.settings, Mode.LIVE)
    for stale in (
        replace(good, read_at=good.read_at - timedelta(seconds=11)),
        replace(good, present=Mode.LIVE),
        replace(good, account=None),
    ):
        assert world.controller.apply(evidence={command.id: stale}) == []
        assert world.command(command.id).pending
    world.controller.apply(evidence={command.id: good})
    assert world.command(command.id).status is CommandStatus.APPLIED


def test_what_became_true_after_the_preflight_counts(world: World) -> None:
    for change, code in (
        (lambda: world.trade(), "positions_open"),
        (lambda: world.do(CommandKind.START), "not_stopped"),
    ):
        command = world.submit(CommandKind.SET_MODE, params={"mode": "live"})
        good = mode_switch.gather(world.database, world.settings, Mode.LIVE)
        change()
        world.controller.apply(evidence={command.id: good})
        assert world.command(command.id).error_code == code
        world.sql("DELETE FROM bot_trade")


def test_two_switches_that_race_with_an_open_trade_never_leave_it_behind(world: World) -> None:
    for _ in range(10):
        commands = [
            world.submit(CommandKind.SET_MODE, params={"mode": "live"}, actor=f"a{n}") for n in range(2)
        ]
        good = mode_switch.gather(world.database, world.settings, Mode.LIVE)

        def switch(command: Any, evidence: Any = good) -> None:
            world.controller.apply(up_to_seq=command.seq, evidence={command.id: evidence})

        def insert() -> None:
            world.trade()

        with ThreadPoolExecutor(3) as threads:
            done = [threads.submit(switch, command) for command in commands]
            done.append(threads.submit(insert))
            for one in done:
                one.result()
        switched = world.config.mode is Mode.LIVE
        if not switched:
            assert {world.command(command.id).error_code for command in commands} == {"positions_open"}
        else:
            # then the trade came after the switch: its row waited until the switch was committed
            (trade,) = world.sql("SELECT updated_at FROM bot_trade")
            assert trade["updated_at"] > min(world.command(command.id).finished_at for command in commands)  # type: ignore[type-var]
        world.sql("DELETE FROM bot_trade")
        world.set_config(mode="paper")
