"""The books while a flatten is at work: when they are brought up to date, and whose positions count."""

from __future__ import annotations

from tests.bot.flattening.scene import Scene


def rounds_that_ask(scene: Scene, count: int) -> list[int]:
    """The numbers of the next rounds after which a reconciliation is due."""
    found = []
    for number in range(1, count + 1):
        scene.world.set_config(reconcile_due_at=None)
        scene.round()
        if scene.world.config.reconcile_due_at is not None:
            found.append(number)
    return found


def test_every_fifth_round_asks_for_a_reconciliation_once_an_order_was_sent(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.control("PUT", "", {"hold_fills": True})
    scene.start()
    assert rounds_that_ask(scene, 10) == [5, 10]
    assert scene.row()["state"] == "working"


def test_as_long_as_nothing_was_sent_there_is_nothing_to_book(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.account.control("PUT", "/halts", ["AAPL"])
    scene.start()
    assert rounds_that_ask(scene, 5) == []


def test_the_round_that_finds_it_flat_asks_for_a_reconciliation(scene: Scene) -> None:
    scene.start()
    scene.until(lambda row: row["found_flat_at"], "nothing is left, for the first time")
    scene.world.set_config(reconcile_due_at=None)
    scene.until_flat()
    assert scene.world.config.reconcile_due_at is not None


def test_the_account_that_a_mode_switch_has_left_has_no_books_to_bring_up_to_date(scene: Scene) -> None:
    scene.start()
    scene.world.set_config(mode="live", reconcile_due_at=None)
    scene.until_flat()
    assert scene.world.config.reconcile_due_at is None


def test_what_is_ignored_in_the_other_account_is_closed_in_this_one(scene: Scene) -> None:
    scene.holds("AAPL", "10")
    scene.ignores("AAPL", "10")
    scene.world.sql("UPDATE bot_ignored_position SET mode = 'live'")
    scene.start()
    scene.until_flat()
    assert scene.positions() == {}
