"""What a round of a flatten leaves in the database: its row, the alerts, the marks and the attempt to reconcile that it asks for.

No broker is asked: what a round came to is given.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from bot.flattening import flattens, process
from bot.flattening.plan import Closing, Sent
from bot.flattening.process import Flattener
from bot.flattening.round import BrokerRound
from bot.models import BotFlatten, FlattenState
from bot.states import Mode
from tests.bot.fake_account import FakeAccount
from tests.bot.fake_holdings import asset_id
from tests.bot.flattening.test_plan import position
from tests.bot.flattening.test_progress import done, plan
from tests.bot.world import World

Fake = World[FakeAccount]
HELD = position("AAPL", 10)
LEFT = [{"symbol": "AAPL", "shares": "10"}]


class Rows:
    """A flatten at work that began so many seconds ago."""

    def __init__(self, world: Fake, *, ago: float = 10, attempts: int = 1, **columns: Any) -> None:
        self.world = world
        self.flattener = Flattener(world.database, world.settings, is_worker=True)
        command_id, began = world.insert_command("flatten"), world.ago(ago)
        world.database.run(lambda session: flattens.start(session, command_id, Mode.PAPER, None, began))
        world.sql("UPDATE bot_flatten SET attempts = %s", [attempts])
        world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp() + interval '5 minutes'")
        self.flatten: BotFlatten = world.database.read(
            lambda session: session.scalars(select(BotFlatten)).one()
        )
        for name, value in columns.items():
            setattr(self.flatten, name, value)

    def report(self, found: BrokerRound) -> dict[str, Any]:
        """Write what a round came to; the row."""
        self.flattener._report(self.flatten, found, self.world.database.now())
        return self.row()

    def row(self) -> dict[str, Any]:
        return self.world.sql("SELECT * FROM bot_flatten")[0]

    def alerts(self) -> list[dict[str, Any]]:
        return self.world.sql("SELECT kind, facts FROM bot_alert ORDER BY seq")

    def asks(self) -> bool:
        """Whether an attempt to reconcile was asked for."""
        return self.world.retry_in_sec() <= 0


def sent(world: Fake) -> Sent:
    return Sent("an order", "AAPL", Decimal(10), world.database.now())


# -- its row ----------------------------------------------------------------------------------------------------


def test_what_is_left_is_written_and_stays_when_a_round_could_read_nothing(fake_world: Fake) -> None:
    rows = Rows(fake_world)
    row = rows.report(done(plan(HELD), rejected={"AAPL": "halted"}, sent=[sent(fake_world)]))
    assert (row["state"], row["error"], row["found_flat_at"]) == ("working", "halted", None)
    assert (row["orders_left"], row["positions_left"]) == (0, [{**LEFT[0], "error": "halted"}])
    assert [each["id"] for each in row["closing_orders"]] == ["an order"]
    assert row["retries"]["AAPL"]["tries"] == 1
    assert (row["told_at"], row["finished_at"]) == (None, None)
    rows.flatten.retries = row["retries"]
    after = rows.report(done(None, error="Alpaca did not answer."))
    assert after == {**row, "error": "Alpaca did not answer.", "next_round_at": after["next_round_at"]}


def test_the_second_reading_of_nothing_ends_it_with_an_alert_and_an_attempt_to_reconcile(
    fake_world: Fake,
) -> None:
    rows = Rows(fake_world)
    row = rows.report(done(plan()))
    assert (row["state"], row["found_flat_at"] is not None, row["finished_at"]) == ("working", True, None)
    assert (rows.alerts(), rows.asks()) == ([], False)
    rows.flatten.found_flat_at = fake_world.ago(3)
    row = rows.report(done(plan()))
    assert (row["state"], row["finished_at"] is not None) == ("flat", True)
    assert row["found_flat_at"] == rows.flatten.found_flat_at
    assert (row["orders_left"], row["positions_left"], row["error"], row["told_at"]) == (0, [], None, None)
    assert ([each["kind"] for each in rows.alerts()], rows.asks()) == (["flat"], True)


@pytest.mark.parametrize("change", ["attempts = attempts + 1", "state = 'cancelled', finished_at = now()"])
def test_the_end_of_a_round_that_something_overtook_tells_nobody_and_asks_for_nothing(
    fake_world: Fake, change: str
) -> None:
    rows = Rows(fake_world, attempts=5, found_flat_at=fake_world.ago(3))
    fake_world.sql(f"UPDATE bot_flatten SET {change}")
    before = rows.row()
    after = rows.report(done(plan(), sent=[sent(fake_world)]))
    assert after == {**before, "closing_orders": after["closing_orders"]}
    assert len(after["closing_orders"]) == 1, "the next round has to know it for its own"
    assert (rows.alerts(), rows.asks()) == ([], False)


# -- what is told -----------------------------------------------------------------------------------------------


def test_one_that_is_stuck_is_told_with_what_is_left_and_when_it_was_told_is_kept(fake_world: Fake) -> None:
    rows = Rows(fake_world, ago=90, attempts=3)
    row = rows.report(done(plan(HELD), rejected={"AAPL": "halted"}))
    assert row["told_at"] is not None
    [alert] = rows.alerts()
    assert alert["kind"] == "flatten_stuck"
    assert {**alert["facts"], "forSec": 90} == {
        "mode": "paper",
        "commandId": str(rows.flatten.command_id),
        "symbols": None,
        "attempts": 3,
        "forSec": 90,
        "positions": [{**LEFT[0], "error": "halted"}],
        "orders": 0,
        "error": "halted",
    }


def test_one_that_waits_for_the_bell_is_told_so_and_is_not_stuck(fake_world: Fake) -> None:
    rows = Rows(fake_world, ago=90)
    opens = fake_world.database.now() + timedelta(hours=1)
    resting = plan(HELD, close=(), cancel=(), left=(Closing(HELD, Decimal(10), Decimal(10)),))
    row = rows.report(done(resting, is_open=False, next_open=opens))
    assert (row["state"], row["told_at"]) == ("waiting_for_open", None)
    assert [each["kind"] for each in rows.alerts()] == ["flatten_waits"]


# -- the books --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "has_closed", "asks"),
    [(4, True, False), (5, True, True), (6, True, False), (10, True, True), (5, False, False)],
)
def test_every_fifth_round_has_the_books_brought_up_to_date_if_something_was_closed(
    fake_world: Fake, attempts: int, has_closed: bool, asks: bool
) -> None:
    closed = [process._as_json(sent(fake_world))] if has_closed else []
    rows = Rows(fake_world, attempts=attempts, closing_orders=closed)
    rows.report(done(plan(HELD)))
    assert rows.asks() is asks


def test_those_of_the_other_mode_are_not_brought_up_to_date(fake_world: Fake) -> None:
    fake_world.set_config(mode="live")
    rows = Rows(fake_world, found_flat_at=fake_world.ago(3))
    assert rows.report(done(plan()))["state"] == FlattenState.FLAT
    assert not rows.asks()


def test_of_what_is_known_the_other_mode_has_its_own(fake_world: Fake) -> None:
    fake_world.set_config(paper_account_id="of paper", live_account_id="of live")
    for mode, symbol, shares in (("paper", "AAPL", 3), ("paper", "MSFT", -2), ("live", "AAPL", 7)):
        fake_world.sql(
            "INSERT INTO bot_ignored_position (mode, symbol, shares, actor) VALUES (%s, %s, %s, 'a')",
            [mode, symbol, shares],
        )
    read = fake_world.database.read
    assert read(lambda session: process._known(session, Mode.PAPER)) == (
        {"AAPL": Decimal(3), "MSFT": Decimal(-2)},
        "of paper",
    )
    assert read(lambda session: process._known(session, Mode.LIVE)) == ({"AAPL": Decimal(7)}, "of live")


def test_the_trades_of_what_is_closed_are_marked_once_and_no_others(fake_world: Fake) -> None:
    rows = Rows(fake_world)
    own = fake_world.trade("AAPL", 10, mode="paper")
    renamed = fake_world.trade("OLD", 10, mode="paper", asset_id="id of META")
    others = [
        fake_world.trade("TSLA", 10, mode="paper", asset_id=asset_id("TSLA")),
        fake_world.trade("AAPL", 10, mode="live"),
    ]
    closings = [Closing(each, Decimal(10), Decimal(10)) for each in (HELD, position("META", 10))]
    for _ in range(2):
        rows.flattener._mark(rows.flatten, closings)
    reasons = {trade: row["exit_reason"] for trade, row in fake_world.trades().items()}
    assert [reasons[own], reasons[renamed]] == ["force_close", "force_close"]
    assert [reasons[each] for each in others] == [None, None]
    [event] = fake_world.events(own)
    assert (event["actor"], event["command_id"]) == ("flatten", rows.flatten.command_id)


def test_a_round_that_is_not_due_or_that_another_process_makes_is_not_made(fake_world: Fake) -> None:
    rows = Rows(fake_world)
    with fake_world.database.holding(rows.flatten.command_id) as is_free:
        assert is_free
        assert not rows.flattener.run()
    fake_world.sql("UPDATE bot_flatten SET next_round_at = clock_timestamp() + interval '1 hour'")
    assert not rows.flattener.run()
    assert (rows.row()["attempts"], fake_world.paper.calls()) == (1, [])
    fake_world.sql("UPDATE bot_flatten SET next_round_at = clock_timestamp()")
    assert rows.flattener.run()
    assert rows.row()["attempts"] == 2
