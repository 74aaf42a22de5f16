"""What prevents a switch of the mode, all of it at once, and within what time it is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.broker.alpaca import Alpaca
from bot.broker.time_limits import MODE_SWITCH
from bot.commands import mode_switch
from bot.errors import CommandRefused, InvalidParams
from bot.states import CommandKind, Mode
from tests.bot.world import World


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Keys for both modes, real market hours."""
    return make_world(live=True, market_hours="nyse")


def objections(world: World) -> tuple[Mode, list[CommandRefused]]:
    """As ``GET /mode-switch`` has them."""
    preflight = mode_switch.gather(world.database, world.settings, Mode.LIVE)
    return world.database.read(
        lambda session: mode_switch.present_objections(session, world.settings, Mode.LIVE, preflight)
    )


def test_each_objection_is_named_and_of_many_symbols_the_first_ten(world: World) -> None:
    symbols = [f"S{number:02}" for number in range(11)]
    world.do(CommandKind.START)
    world.trade("AAPL")
    world.paper.holds_all(dict.fromkeys(symbols, 1))
    for symbol in symbols:
        world.paper.order("new", symbol)
    assert world.live is not None
    world.live.is_(account_blocked=True)
    present, found = objections(world)
    assert (present, [each.code for each in found]) == (
        Mode.PAPER,
        ["not_stopped", "positions_open", "positions_open", "orders_working", "account_unavailable"],
    )
    assert "while 1 trade is open. Close it first." in str(found[1])
    for sentence in (str(found[2]), str(found[3])):
        assert ", ".join(symbols[:10]) in sentence
        assert symbols[10] not in sentence


def test_an_account_that_cannot_be_read_is_one_objection_among_the_others(world: World) -> None:
    world.do(CommandKind.START)
    world.paper.fails({"kind": "500"})
    _, found = objections(world)
    assert [each.code for each in found] == ["not_stopped", "account_unavailable"]


def test_the_calls_to_both_accounts_end_before_the_wall_of_a_switch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets: list[float | None] = []

    class Watched(Alpaca):
        def __init__(self, access: Any, **more: Any) -> None:
            budgets.append(more.get("budget_sec"))
            super().__init__(access, **more)

    monkeypatch.setattr(mode_switch, "Alpaca", Watched)
    assert mode_switch.gather(world.database, world.settings, Mode.LIVE).error is None
    assert budgets == [MODE_SWITCH.budget_sec, MODE_SWITCH.budget_sec]


@pytest.mark.parametrize("params", [{}, {"mode": None}, {"mode": "margin"}, {"mode": ["live"]}])
def test_a_switch_to_no_mode_names_its_field(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams) as caught:
        mode_switch.wanted_mode(params)
    assert caught.value.details == {"fields": {"mode": ["must be paper or live"]}}
