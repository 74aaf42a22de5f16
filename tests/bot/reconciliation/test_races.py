"""What happens while Alpaca is read, and when things break in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from bot.errors import OutcomeUnknown
from bot.models import Outcome, Trigger
from bot.reconciliation.evidence import Reading
from bot.states import CommandKind, CommandStatus
from bot.storage.pipeline import Pipeline
from tests.bot.fake import Call
from tests.bot.fake_account import FakeAccount
from tests.bot.reconciliation.reports import waits_sec
from tests.bot.world import World
from tests.support.waiting import wait_for

# -- trades that come and go ------------------------------------------------------------------------------------


def when_positions_are_read(world: World[FakeAccount], act: Callable[[], object]) -> None:
    """Do something just before Alpaca answers with the positions, once."""
    left = [act]

    def meanwhile(_: Call) -> None:
        if left:
            left.pop()()

    world.paper.says("/v2/positions", meanwhile)


@pytest.mark.parametrize("symbol", ["AAPL", "TSLA"])
@pytest.mark.parametrize("when", ["during the reading", "after the reading"])
def test_a_trade_opened_between_the_read_and_the_write_survives(
    fake_world: World[FakeAccount], symbol: str, when: str
) -> None:
    gone = fake_world.trade("TSLA", 5)
    fake_world.reconcile()
    fake_world.age_suspects()
    opened: list[UUID] = []

    def open_one() -> None:
        opened.append(fake_world.trade(symbol, 3, created_at=fake_world.database.now()))

    if "during" in when:
        when_positions_are_read(fake_world, open_one)
    evidence = fake_world.gather()
    if "after" in when:
        open_one()
    report = fake_world.controller.conclude(evidence, Trigger.RETRY)
    assert fake_world.status_of(opened[0]) == "open"
    if symbol == "AAPL":
        assert (report.outcome, report.missed, report.differences) == (Outcome.OK, 1, [])
        assert fake_world.status_of(gone) == "missed"
        assert fake_world.reconciled()
    else:
        assert (report.error_code, fake_world.status_of(gone)) == ("stale_evidence", "open")
        assert fake_world.reconcile(Trigger.RETRY).missed == 1
        assert fake_world.status_of(opened[0]) == "open"


def test_a_position_whose_trade_is_recorded_while_it_is_read_is_no_difference(
    fake_world: World[FakeAccount],
) -> None:
    fake_world.paper.holds(NEW=7)
    when_positions_are_read(
        fake_world, lambda: fake_world.trade("NEW", 7, created_at=fake_world.database.now())
    )
    report = fake_world.reconcile()
    assert (report.outcome, report.missed, report.differences) == (Outcome.OK, 0, [])
    assert fake_world.reconciled()


def test_a_trade_whose_insert_is_committed_late_is_no_difference(world: World) -> None:
    with closing(world.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('AAPL', 1, 10)")
        world.paper.holds(AAPL=10)
        evidence = world.gather()
        assert isinstance(evidence, Reading)
        assert evidence.local.groups == ()
        connection.commit()
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.outcome, report.differences) == (Outcome.OK, [])
    assert world.reconciled()


def test_a_trade_that_appears_between_the_sums_and_the_rows_is_not_written_off(
    fake_world: World[FakeAccount],
) -> None:
    known = fake_world.trade("AAPL", 10)
    with closing(fake_world.connect()) as late, late.cursor() as cursor:
        cursor.execute("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('AAPL', 1, 5)")
        when_positions_are_read(fake_world, late.commit)
        fake_world.reconcile_twice()
    assert fake_world.trades()[known]["status"] == "missed"
    assert sorted(trade["status"] for trade in fake_world.trades().values()) == ["missed", "open"]


@pytest.mark.parametrize("when", ["during the reading", "after the reading"])
@pytest.mark.parametrize("shares_there", [0, 10])
def test_a_trade_closed_while_alpaca_is_read_stays_closed_and_is_no_difference(
    fake_world: World[FakeAccount], when: str, shares_there: int
) -> None:
    world = fake_world
    world.paper.holds_all({"AAPL": shares_there} if shares_there else {})
    closed, other = world.trade("AAPL", 10), world.trade("TSLA", 10)

    def close() -> None:
        world.sql("UPDATE bot_trade SET status = 'closed', exit_reason = 'hard_stop' WHERE symbol = 'AAPL'")

    if "during" in when:
        when_positions_are_read(world, close)
    evidence = world.gather()
    if "after" in when:
        close()
    before = world.trades()
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert report.outcome is Outcome.OK
    assert {each["symbol"] for each in report.differences} == {"TSLA"}
    assert world.trades()[closed]["status"] == before[closed]["status"] == "closed"
    assert world.suspects() == [other]


@pytest.mark.parametrize(
    "change", ["alpaca_order_id = gen_random_uuid()", "note = 'still here'", "shares = 11"]
)
def test_a_trade_that_was_touched_since_it_was_read_is_read_again(world: World, change: str) -> None:
    touched, gone = world.trade("AAPL", 10), world.trade("GONE", 5)
    world.reconcile()
    world.age_suspects()
    world.set_config(reconcile_failures=0)
    evidence = world.gather()
    world.sql(f"UPDATE bot_trade SET {change} WHERE id = %s", [touched])
    before = world.trades()
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.outcome, report.error_code, report.missed) == (Outcome.FAILED, "stale_evidence", None)
    assert report.error == "The trades of AAPL changed while Alpaca was read."
    assert report.differences == []
    assert world.trades() == before
    assert world.status_of(gone) == "open"
    assert not world.reconciled()
    assert waits_sec(world) == 2
    assert world.reconcile(Trigger.RETRY).missed == 2


def test_an_exit_that_is_half_done_while_it_is_read_is_read_again(world: World) -> None:
    trade = world.trade("AAPL", 10)
    world.paper.holds(AAPL=4)
    evidence = world.gather()
    world.sql("UPDATE bot_trade SET status = 'closed' WHERE id = %s", [trade])
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.error_code, report.differences) == ("stale_evidence", [])
    world.paper.holds()
    assert world.reconcile(Trigger.RETRY).outcome is Outcome.OK
    assert world.reconciled()


def test_two_attempts_at_once_write_a_trade_off_once(world: World) -> None:
    trade = world.trade()
    world.reconcile()
    world.age_suspects()
    first, second = world.gather(), world.gather()
    assert world.controller.conclude(first, Trigger.RETRY).missed == 1
    before = world.trades()
    report = world.controller.conclude(second, Trigger.MANUAL)
    assert (report.outcome, report.missed, report.differences) == (Outcome.OK, 0, [])
    assert world.trades() == before
    assert len(world.events(trade)) == 1
    assert world.reconciled()


def test_an_older_reading_that_is_judged_late_suspects_nobody_and_keeps_the_newer_one(world: World) -> None:
    trade = world.trade()
    old = world.gather()
    world.paper.holds(AAPL=10)
    assert world.reconcile().matched == 1
    kept = world.sql("SELECT * FROM bot_broker_reading")
    report = world.controller.conclude(old, Trigger.RETRY)
    assert (report.outcome, report.missed) == (Outcome.FAILED, None), "the trade learned its asset meanwhile"
    assert world.suspects() == []
    assert world.status_of(trade) == "open"
    assert world.sql("SELECT * FROM bot_broker_reading") == kept
    assert world.reconciled()


# -- one transaction, and no network under the lock -------------------------------------------------------------


@contextmanager
def broken_commits(world: World, times: int) -> Iterator[list[int]]:
    """The next so many commits find their connection gone."""
    broken: list[int] = []
    execute = Pipeline._execute

    def end(batch: Pipeline, message: str, values: Sequence[Any] = ()) -> Any:
        if message.endswith("COMMIT") and len(broken) < times:
            broken.append(batch._driver.info.backend_pid)
            world.sql("SELECT pg_terminate_backend(%s)", [broken[-1]])
        return execute(batch, message, values)

    with patch.object(Pipeline, "_execute", end):
        yield broken


def test_trades_report_and_gate_change_together_or_not_at_all(world: World) -> None:
    world.trade("TSLA", alpaca_order_id=world.paper.order("canceled", "TSLA"))
    evidence = world.gather()
    before = world.trades(), world.sql("SELECT * FROM bot_config"), world.reports()
    with broken_commits(world, 2) as broken, pytest.raises(OutcomeUnknown):
        world.controller.conclude(evidence, Trigger.STARTUP)
    assert len(broken) == 2, "the transaction is tried again once"
    assert (world.trades(), world.sql("SELECT * FROM bot_config"), world.reports()) == before


def test_a_transaction_that_broke_once_is_done_once(world: World) -> None:
    trade = world.trade()
    world.reconcile()
    world.age_suspects()
    evidence = world.gather()
    with broken_commits(world, 1) as broken:
        report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert len(broken) == 1
    assert report.missed == 1
    assert len(world.events(trade)) == 1
    assert [row["id"] for row in world.reports()][1:] == [report.id]
    assert world.trades()[trade]["note"].count("No position") == 1
    assert world.reconciled()


def test_the_lock_is_free_while_alpaca_is_slow(world: World) -> None:
    world.do(CommandKind.START)
    world.trade()
    world.paper.fails({"kind": "slow", "seconds": 1})
    with ThreadPoolExecutor(1) as thread:
        gathering = thread.submit(world.gather)
        for path in ("/v2/account", "/v2/clock", "/v2/positions"):
            wait_for(lambda path=path: path in world.paper.calls(), 5, path)  # type: ignore[misc]
            held = world.sql(
                "SELECT l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE l.relation IN ('bot_config'::regclass, 'bot_trade'::regclass)"
                " AND a.datname = current_database() AND l.pid <> pg_backend_pid()"
            )
            assert held == [], "no lock, not even a reader's, outlives its statement"
            assert world.do(CommandKind.KILL).status is CommandStatus.APPLIED
            assert not gathering.done(), "the kill had to wait for Alpaca"
        assert isinstance(gathering.result(), Reading)
