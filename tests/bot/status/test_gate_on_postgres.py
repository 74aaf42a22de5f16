"""The gate as the tables have it: what it is judged from is read in one statement, and only what counts today and in this mode."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.status.snapshot import snapshot
from bot.storage.pipeline import Pipeline
from tests.bot.ledger_world import World, settings_of


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(settings_of(database_url))
    yield world
    world.close()


def test_a_bot_that_was_never_started_is_not_let_in(world: World) -> None:
    assert world.reasons() == ["disabled", "not_running", "not_reconciled", "worker_offline"]
    world.open_gate()
    assert world.reasons() == []


def test_it_reads_its_answer_from_the_tables(world: World) -> None:
    world.open_gate()
    world.do("update_config", maxConcurrentPositions=1, dailyLossLimitUsd=10.5)
    trade = world.open_filled(shares=1, entry_price="20")
    assert world.reasons() == ["max_positions"]
    world.ledger.close_trade(trade.id, exit_price="9.50", exit_reason="hard_stop")
    assert world.reasons() == ["daily_loss"]
    world.age_worker(timedelta(seconds=30))
    assert world.reasons() == ["worker_offline", "daily_loss"]
    world.do("kill")
    assert world.reasons() == ["disabled", "killed", "not_running", "worker_offline", "daily_loss"]


def test_a_void_a_missed_and_a_closed_trade_are_not_open(world: World) -> None:
    world.open_gate()
    world.sql(
        "INSERT INTO bot_trade (symbol, entry_price, shares, status)"
        " SELECT 'ACME', 1, 1, unnest(ARRAY['void', 'missed', 'closed'])"
    )
    assert world.database.batched(snapshot).open_trades == 0


def test_a_profit_on_paper_makes_no_room_for_a_loss_of_real_money(world: World) -> None:
    world.open_gate()
    world.sql(
        "INSERT INTO bot_daily_stats (date, mode, realized_pnl) VALUES"
        " ((now() AT TIME ZONE 'America/New_York')::date, 'paper', -499),"
        " ((now() AT TIME ZONE 'America/New_York')::date, 'live', -500)"
    )
    assert world.reasons() == []
    world.sql("UPDATE bot_config SET mode = 'live', live_account_id = 'L'")
    assert "daily_loss" in world.reasons()


def test_yesterdays_loss_is_over(world: World) -> None:
    world.open_gate()
    world.sql(
        "INSERT INTO bot_daily_stats (date, mode, realized_pnl)"
        " VALUES ((now() AT TIME ZONE 'America/New_York')::date - 1, 'paper', -9999)"
    )
    assert world.reasons() == []


def test_asking_it_costs_one_statement(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.reasons()
    messages: list[str] = []
    execute = Pipeline._execute

    def noted(batch: Pipeline, message: str, *values: Any) -> Any:
        messages.append(message)
        return execute(batch, message, *values)

    monkeypatch.setattr(Pipeline, "_execute", noted)
    world.reasons()
    assert len(messages) == 1
    assert ";" not in messages[0]
