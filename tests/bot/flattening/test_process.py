"""A flatten, round by round, against the sandbox."""

from __future__ import annotations

from decimal import Decimal

from tests.bot.flattening.scene import Scene


def test_an_account_is_made_flat_and_its_fills_are_booked_by_force(scene: Scene) -> None:
    first = scene.holds("AAPL", "10")
    second = scene.holds("MSFT", "-4")
    scene.orders_limit("AAPL", "3")
    scene.orders_limit("GOOG", side="buy", price="1")
    command = scene.start()
    assert command.status == "applied"
    row = scene.until_flat()
    assert row["orders_left"] == 0 and row["positions_left"] == [] and row["error"] is None
    assert scene.positions() == {}
    assert scene.traded("AAPL") == [10, -10] and scene.traded("MSFT") == [-4, 4]
    scene.book()
    trades = scene.world.trades()
    assert {trades[each]["exit_reason"] for each in (first, second)} == {"force_close"}
    assert {trades[each]["status"] for each in (first, second)} == {"closed"}
    assert scene.booked_profit() == scene.cash_profit() != Decimal(0)
    assert scene.alerts()[0] == "flattening" and "flat" in scene.alerts()
