"""What does not agree is reported, and never adopted."""

from __future__ import annotations

from typing import Any

import pytest

from bot.models import Outcome
from tests.bot.reconciliation.reports import difference, differences, waits_sec
from tests.bot.world import World


@pytest.mark.parametrize(
    ("trades", "there", "expected"),
    [
        ([], {"AAPL": 10}, [difference("AAPL", "unknown_here", 0, 10)]),
        ([], {"AAPL": -10}, [difference("AAPL", "unknown_here", 0, -10)]),
        ([("AAPL", 10)], {"AAPL": 11}, [difference("AAPL", "quantity", 10, 11)]),
        ([("AAPL", 10)], {"AAPL": "9.999999999"}, [difference("AAPL", "quantity", 10, "9.999999999")]),
        ([("AAPL", 10)], {"AAPL": -10}, [difference("AAPL", "side", 10, -10)]),
        ([("AAPL", -10)], {"AAPL": 3}, [difference("AAPL", "side", -10, 3)]),
        ([("AAPL", -10)], {"AAPL": -3}, [difference("AAPL", "quantity", -10, -3)]),
        ([("AAPL", 10)], {"AAPL": 1000}, [difference("AAPL", "quantity", 10, 1000)]),
        ([("AAPL", 10), ("AAPL", 5)], {"AAPL": 10}, [difference("AAPL", "quantity", 15, 10)]),
        ([("AAPL", 10), ("AAPL", -10)], {"AAPL": 4}, [difference("AAPL", "quantity", 0, 4)]),
        (
            [("BBB", 1), ("CCC", 2)],
            {"AAA": 1, "BBB": 2, "CCC": -2},
            [
                difference("AAA", "unknown_here", 0, 1),
                difference("BBB", "quantity", 1, 2),
                difference("CCC", "side", 2, -2),
            ],
        ),
        # another spelling is another symbol: better an alarm than a guess
        ([("BRK.A", 1)], {"BRK.A": 1, "BRK.B": 1}, [difference("BRK.B", "unknown_here", 0, 1)]),
        ([("BTCUSD", 1)], {"BTCUSD": 1, "BTC/USD": 2}, [difference("BTC/USD", "unknown_here", 0, 2)]),
    ],
)
def test_a_difference_is_reported_with_both_figures_and_never_adopted(
    world: World, trades: list[tuple[str, Any]], there: dict[str, Any], expected: list[dict[str, str]]
) -> None:
    for symbol, shares in trades:
        world.trade(symbol, shares)
    world.paper.holds_all(there)
    before = {name: row["shares"] for name, row in world.trades().items()}
    report = world.reconcile()
    assert (report.outcome, differences(report), report.missed) == (Outcome.OK, expected, 0)
    assert {name: row["shares"] for name, row in world.trades().items()} == before
    assert {row["status"] for row in world.trades().values()} <= {"open"}
    assert not world.reconciled()
    config = world.config
    assert (config.reconcile_trigger, config.reconcile_failures) == ("retry", 1)
    assert waits_sec(world) == 2


@pytest.mark.parametrize(
    ("trades", "there"),
    [
        ([10, 5, "0.5"], "15.5"),
        ([-10, -5], -15),
        ([10, -4], 6),
        ([10, -10], None),
    ],
)
def test_several_open_trades_of_one_symbol_add_up(world: World, trades: list[Any], there: Any) -> None:
    for shares in trades:
        world.trade("AAPL", shares)
    world.paper.holds_all({} if there is None else {"AAPL": there})
    report = world.reconcile()
    assert (report.matched, report.missed, report.differences) == (len(trades), 0, [])
    assert world.reconciled()


def test_what_is_missing_and_what_differs_are_told_apart_in_one_report(world: World) -> None:
    gone, other = world.trade("GONE", 5), world.trade("MORE", 5)
    world.paper.holds(MORE=6, NEW=1)
    report = world.reconcile_twice()
    assert differences(report) == [
        difference("MORE", "quantity", 5, 6),
        difference("NEW", "unknown_here", 0, 1),
    ]
    assert (world.status_of(gone), world.status_of(other)) == ("missed", "open")
    assert not world.reconciled()
