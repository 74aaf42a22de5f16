"""Which trades a flatten marks with ``force_close``, and from which it takes the mark off when it is cancelled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from bot.booking import Author, Booking
from bot.flattening import exit_marks
from bot.models import BotFlatten
from bot.states import Mode
from tests.bot.fake_account import FakeAccount
from tests.bot.world import World

FakeWorld = World[FakeAccount]
MARKED = {"exit_reason": "force_close"}
#: Trades that no flatten of the paper account has to do with.
NOT_OURS: list[dict[str, Any]] = [{"status": "closed"}, {"status": "void"}, {"mode": "live"}]


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


def mark(world: FakeWorld, symbols: list[str], assets: list[str]) -> bool:
    """Mark them; whether there was one to mark."""

    def work(session: Session) -> bool:
        found = exit_marks.any_unmarked(session, Mode.PAPER, symbols, assets)
        with Booking(session, Author("flatten")) as booking:
            exit_marks.mark(session, booking, Mode.PAPER, symbols, assets)
        return found

    return world.database.run(work)


def clear(world: FakeWorld, symbols: list[str] | None = None) -> None:
    def work(session: Session) -> None:
        flatten = BotFlatten(command_id=uuid4(), mode=Mode.PAPER, symbols=symbols)
        with Booking(session, Author("flatten")) as booking:
            exit_marks.clear(session, booking, flatten)

    world.database.run(work)


def reason(world: FakeWorld, trade: UUID) -> Any:
    return world.trades()[trade]["exit_reason"]


@pytest.mark.parametrize("mode", ["paper", None])
def test_an_open_trade_is_marked_by_its_symbol_or_its_asset_and_once(
    world: FakeWorld, mode: str | None
) -> None:
    named, renamed = world.trade("AAPL", mode=mode), world.trade("FB", asset_id="meta", mode=mode)
    other = world.trade("TSLA", asset_id="tesla", mode=mode)
    assert mark(world, ["AAPL"], ["meta"])
    assert [reason(world, each) for each in (named, renamed, other)] == ["force_close", "force_close", None]
    assert not mark(world, ["AAPL"], ["meta"])
    assert [event["kind"] for event in world.events(named)] == ["exit_reason_marked"]


def test_a_position_without_an_asset_id_marks_no_trade_without_one(world: FakeWorld) -> None:
    trade = world.trade("AAPL", mode="paper", asset_id="")
    assert not mark(world, ["TSLA"], [""])
    assert reason(world, trade) is None


@pytest.mark.parametrize("columns", [*NOT_OURS, {"exit_reason": "hard_stop"}], ids=str)
def test_no_other_trade_is_marked(world: FakeWorld, columns: dict[str, Any]) -> None:
    trade = world.trade("AAPL", **{"mode": "paper", **columns})
    assert not mark(world, ["AAPL"], [])
    assert reason(world, trade) == columns.get("exit_reason")


@pytest.mark.parametrize("symbols", [None, ["AAPL"]])
@pytest.mark.parametrize("mode", ["paper", None])
def test_the_mark_is_taken_off_a_trade_of_which_nothing_was_sold(
    world: FakeWorld, symbols: list[str] | None, mode: str | None
) -> None:
    trade = world.trade("AAPL", mode=mode, **MARKED)
    clear(world, symbols)
    assert reason(world, trade) is None


@pytest.mark.parametrize("columns", [*NOT_OURS, {"exited_shares": Decimal(4)}], ids=str)
def test_it_stays_on_every_other_one(world: FakeWorld, columns: dict[str, Any]) -> None:
    trade = world.trade("AAPL", **{"mode": "paper", **MARKED, **columns})
    clear(world)
    assert reason(world, trade) == "force_close"


def test_it_stays_on_the_symbols_that_were_not_flattened_and_other_reasons_stay_too(world: FakeWorld) -> None:
    other, stopped = world.trade("TSLA", mode="paper", **MARKED), world.trade("AAPL", exit_reason="hard_stop")
    clear(world, ["AAPL"])
    assert (reason(world, other), reason(world, stopped)) == ("force_close", "hard_stop")
