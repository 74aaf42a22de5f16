"""What happens while Alpaca is read, and when things break in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from bot.errors import OutcomeUnknown
from bot.models import Outcome, Trigger
from bot.reconciliation.comparison import Comparison
from bot.states import CommandKind, CommandStatus, Mode
from bot.storage.pipeline import Pipeline
from tests.bot import fake
from tests.bot.fake import ACCOUNT, Answer, Call
from tests.bot.world import World
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("quick_second_read")

Positions = list[dict[str, str]]


def row(symbol: str, qty: int) -> dict[str, str]:
    return {"symbol": symbol, "qty": str(qty), "side": "long" if qty > 0 else "short"}


@contextmanager
def reads(make_world: Callable[..., World], *answers: Callable[[World], Positions]) -> Iterator[World]:
    """A world whose Alpaca answers the reads of the positions one after another; any order is filled."""
    pending = list(answers)

    def answer(call: Call) -> Answer:
        if call.path == "/v2/account":
            return Answer(ACCOUNT)
        if call.path.startswith("/v2/orders/"):
            return Answer({"status": "filled"})
        return Answer(pending.pop(0)(world))

    with fake.serve(answer) as url:
        world = make_world(alpaca_paper_url=url)
        yield world


# -- trades that come and go ------------------------------------------------------------------------------------


@pytest.mark.parametrize("during", ["the first read", "the second read"])
@pytest.mark.parametrize("symbol", ["AAPL", "TSLA"])
def test_a_trade_opened_between_the_read_and_the_write_survives(
    make_world: Callable[..., World], symbol: str, during: str
) -> None:
    opened: list[Any] = []

    def nothing(_: World) -> Positions:
        return []

    def open_one(world: World) -> Positions:
        opened.append(world.trade(symbol, 3, created_at=world.database.now()))
        return []

    with reads(make_world, *((open_one, nothing) if "first" in during else (nothing, open_one))) as world:
        gone = world.trade("TSLA", 5)
        report = world.reconcile()
    assert (report.outcome, report.missed, report.differences) == (Outcome.OK, 1, [])
    assert (world.status_of(gone), world.status_of(opened[0])) == ("missed", "open")
    assert world.reconciled()


def test_a_trade_opened_after_the_read_is_never_touched(world: World) -> None:
    evidence = world.gather()
    late = world.trade(created_at=world.database.now())
    before = world.trades()
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.missed, report.differences) == (0, [])
    assert world.trades() == before
    assert world.status_of(late) == "open"
    assert world.reconciled()


def test_a_position_whose_trade_is_recorded_while_it_is_read_is_no_difference(
    make_world: Callable[..., World],
) -> None:
    def fill(world: World) -> Positions:
        world.trade("NEW", 7, created_at=world.database.now())
        return [row("NEW", 7)]

    with reads(make_world, lambda _: [], fill) as world:
        world.trade("GONE", 5)
        report = world.reconcile()
    assert (report.outcome, report.missed, report.differences) == (Outcome.OK, 1, [])
    assert world.reconciled()


def test_a_trade_whose_insert_is_committed_late_is_no_difference(world: World) -> None:
    with closing(world.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('AAPL', 1, 10)")
        world.paper.holds(AAPL=10)
        evidence = world.gather()
        assert isinstance(evidence, Comparison)
        assert evidence.open_trades == 0
        connection.commit()
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.outcome, report.differences) == (Outcome.OK, [])
    assert world.reconciled()


def test_a_trade_that_appears_between_the_sums_and_the_rows_is_not_written_off(
    make_world: Callable[..., World],
) -> None:
    # Its insert began before the attempt and is committed during the first read: no sum knows it.
    with reads(make_world, lambda _: late.commit() or [], lambda _: []) as world:
        known = world.trade("AAPL", 10)
        with closing(world.connect()) as late, late.cursor() as cursor:
            cursor.execute("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('AAPL', 1, 5)")
            report = world.reconcile()
    assert (report.error_code, report.missed) == ("stale_evidence", 0)
    assert {trade["status"] for trade in world.trades().values()} == {"open"}
    assert world.status_of(known) == "open"
    assert not world.reconciled()


@pytest.mark.parametrize("when", ["between the reads", "after the reads"])
@pytest.mark.parametrize("shares_there", [0, 10])
def test_a_trade_closed_while_alpaca_is_read_stays_closed_and_is_no_difference(
    make_world: Callable[..., World], when: str, shares_there: int
) -> None:
    def close(world: World) -> None:
        world.sql("UPDATE bot_trade SET status = 'closed', exit_reason = 'hard_stop' WHERE symbol = 'AAPL'")

    def second(world: World) -> Positions:
        if when == "between the reads":
            close(world)
        return []

    with reads(make_world, lambda _: [row("AAPL", shares_there)] if shares_there else [], second) as world:
        closed = world.trade("AAPL", 10)
        gone = world.trade("GONE", 5)
        evidence = world.gather()
        if when == "after the reads":
            close(world)
        before = world.trades()
        report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.outcome, report.missed, report.differences) == (Outcome.OK, 1, [])
    assert world.trades()[closed] == before[closed]
    assert world.status_of(gone) == "missed"
    assert world.reconciled()


@pytest.mark.parametrize(
    "change",
    [
        "alpaca_order_id = 'sent-just-now'",
        "note = 'still here'",
        "shares = 11",
    ],
)
def test_a_trade_that_was_touched_since_it_was_read_is_read_again(world: World, change: str) -> None:
    touched, gone = world.trade("AAPL", 10), world.trade("GONE", 5)
    evidence = world.gather()
    world.sql(f"UPDATE bot_trade SET {change} WHERE id = %s", [touched])
    before = world.trades()
    report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert (report.outcome, report.error_code, report.missed) == (Outcome.FAILED, "stale_evidence", 0)
    assert report.error == "The trades of AAPL changed while Alpaca was read."
    assert report.differences == []
    assert world.trades() == before
    assert world.status_of(gone) == "open"
    assert not world.reconciled()
    assert 1 < world.retry_in_sec() < 3
    if "order" not in change:
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


def test_an_order_that_fills_between_its_query_and_the_second_read_is_matched(
    make_world: Callable[..., World],
) -> None:
    order = "11111111-1111-1111-1111-111111111111"
    answers = iter([[], [row("TSLA", 10)]])

    def answer(call: Call) -> Answer:
        if call.path == "/v2/account":
            return Answer(ACCOUNT)
        return Answer({"status": "new"} if "/orders/" in call.path else next(answers))

    with fake.serve(answer) as url:
        world = make_world(alpaca_paper_url=url)
        world.trade("TSLA", 10, alpaca_order_id=order)
        report = world.reconcile()
    assert (report.matched, report.in_flight, report.missed, report.differences) == (1, 0, 0, [])


def test_an_order_that_fills_after_the_second_read_is_not_missed_though_the_first_list_left_it_out(
    make_world: Callable[..., World],
) -> None:
    asked: list[str] = []

    def answer(call: Call) -> Answer:
        asked.append(call.path)
        if call.path == "/v2/account":
            return Answer(ACCOUNT)
        if call.path.startswith("/v2/orders/"):
            return Answer({"status": "filled"})
        works = asked.count("/v2/orders") == 2 and asked.count("/v2/positions") < 2
        return Answer([{"id": "works", "symbol": "NEW", "status": "new"}] if works else [])

    with fake.serve(answer) as url:
        world = make_world(alpaca_paper_url=url)
        working = world.trade("NEW", 5, alpaca_order_id="works")
        for n in range(24):
            world.trade(f"GONE{n}", 5, alpaca_order_id=f"filled-{n}")
        report = world.reconcile()
    assert (report.outcome, report.missed, report.in_flight) == (Outcome.OK, 24, 1)
    assert world.status_of(working) == "open"


def test_a_position_that_is_back_in_the_second_read_is_not_missed(make_world: Callable[..., World]) -> None:
    with reads(make_world, lambda _: [], lambda _: [row("AAPL", 10)]) as world:
        world.trade("AAPL", 10)
        report = world.reconcile()
    assert (report.matched, report.missed, report.differences) == (1, 0, [])


def test_a_position_that_is_only_smaller_in_the_second_read_is_a_difference(
    make_world: Callable[..., World],
) -> None:
    with reads(make_world, lambda _: [], lambda _: [row("AAPL", 4)]) as world:
        trade = world.trade("AAPL", 10)
        report = world.reconcile()
    assert report.differences == [{"symbol": "AAPL", "kind": "quantity", "here": "10", "there": "4"}]
    assert world.status_of(trade) == "open"


def test_two_attempts_at_once_write_a_trade_off_once(world: World) -> None:
    trade = world.trade()
    first, second = world.gather(), world.gather()
    assert world.controller.conclude(first, Trigger.RETRY).missed == 1
    before = world.trades()
    report = world.controller.conclude(second, Trigger.MANUAL)
    assert (report.outcome, report.missed, report.differences) == (Outcome.OK, 0, [])
    assert world.trades() == before
    assert before[trade]["exit_reason"] == "reconciled_missing_on_startup"
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
    world.trade()
    evidence = world.gather()
    before = world.trades(), world.sql("SELECT * FROM bot_config"), world.reports()
    with broken_commits(world, 2) as broken, pytest.raises(OutcomeUnknown):
        world.controller.conclude(evidence, Trigger.STARTUP)
    assert len(broken) == 2, "the transaction is tried again once"
    assert (world.trades(), world.sql("SELECT * FROM bot_config"), world.reports()) == before


def test_a_transaction_that_broke_once_is_done_once(world: World) -> None:
    trade = world.trade()
    evidence = world.gather()
    with broken_commits(world, 1) as broken:
        report = world.controller.conclude(evidence, Trigger.STARTUP)
    assert len(broken) == 1
    assert report.missed == 1
    assert [row["id"] for row in world.reports()] == [report.id]
    assert world.trades()[trade]["note"].count("No position") == 1
    assert world.reconciled()


def test_the_lock_is_free_while_alpaca_is_slow(world: World) -> None:
    world.do(CommandKind.START)
    world.trade()
    world.paper.fails({"kind": "slow", "seconds": 1})
    with ThreadPoolExecutor(1) as thread:
        gathering = thread.submit(world.gather)
        for path in ("/v2/account", "/v2/positions"):
            wait_for(lambda path=path: path in world.paper.calls(), 5, path)  # type: ignore[misc]
            held = world.sql(
                "SELECT l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE l.relation IN ('bot_config'::regclass, 'bot_trade'::regclass)"
                " AND a.datname = current_database() AND l.pid <> pg_backend_pid()"
            )
            assert held == [], "no lock, not even a reader's, outlives its statement"
            assert world.do(CommandKind.KILL).status is CommandStatus.APPLIED
            assert not gathering.done(), "the kill had to wait for Alpaca"
        assert isinstance(gathering.result(), Comparison)


# -- whose turn it is -------------------------------------------------------------------------------------------


def test_of_twenty_claimers_one_gets_the_attempt(world: World) -> None:
    world.controller.restore("worker-1")
    with ThreadPoolExecutor(20) as threads:
        claims = list(threads.map(lambda _: world.controller.claim_reconciliation(), range(20)))
    assert sorted(claims, key=str) == [None] * 19 + [Trigger.STARTUP]
    assert 15 < world.retry_in_sec() <= 20, "it holds the right for as long as any attempt takes"


def test_an_attempt_that_died_can_be_claimed_when_its_lease_has_run_out(world: World) -> None:
    world.controller.restore("worker-1")
    assert world.controller.claim_reconciliation() is Trigger.STARTUP
    assert world.controller.claim_reconciliation() is None
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp() - interval '1 ms'")
    assert world.controller.claim_reconciliation() is Trigger.STARTUP


def test_a_starting_worker_claims_in_any_case_and_an_open_gate_needs_no_attempt(world: World) -> None:
    world.controller.restore("worker-1")
    assert world.controller.claim_reconciliation() is Trigger.STARTUP
    assert world.controller.claim_reconciliation(force=True) is Trigger.STARTUP
    world.reconcile()
    assert world.controller.claim_reconciliation() is None
    assert world.controller.claim_reconciliation(force=True) is None


def test_retries_back_off_from_two_seconds_to_sixty(world: World) -> None:
    world.paper.fails({"kind": "500"})
    evidence = world.gather()
    waits = []
    for _ in range(9):
        world.controller.conclude(evidence, Trigger.RETRY)
        waits.append(world.retry_in_sec())
    for number, wait in enumerate(waits):
        nominal = min(2.0 * 2**number, 60)
        assert max(2, nominal * 0.8) - 0.5 <= wait <= nominal, waits
    assert len(set(waits)) == 9
    assert world.config.reconcile_failures == 9
    world.paper.fails()
    world.reconcile()
    assert world.config.reconcile_failures == 0


@pytest.mark.parametrize(
    ("fault", "failures", "low", "high"),
    [
        ({"kind": "500"}, 3, 12.8, 16),
        ({"kind": "500"}, 7, 48, 60),
        ({"kind": "500"}, 10_000, 48, 60),
        ({"kind": "429", "retry_after": 30}, 0, 30, 33),
        ({"kind": "429", "retry_after": 30}, 7, 48, 60),
        ({"kind": "429", "retry_after": 55}, 0, 55, 60),
    ],
)
def test_waits_are_spread_within_their_bounds(
    world: World, fault: dict[str, Any], failures: int, low: float, high: float
) -> None:
    world.paper.fails(fault)
    evidence = world.gather()
    waits = []
    for _ in range(20):
        world.set_config(reconcile_failures=failures)
        report = world.controller.conclude(evidence, Trigger.RETRY)
        due = world.config.reconcile_due_at
        assert due is not None
        waits.append((due - report.finished_at).total_seconds())
    assert low <= min(waits) <= max(waits) <= high
    assert max(waits) - min(waits) > (high - low) / 4, "many bots on one account must not come back in step"


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [({"retry_after": 30}, 29, 33), ({"reset_after": 30}, 28, 34.2), ({"retry_after": 3600}, 59, 60)],
)
def test_a_retry_waits_as_long_as_alpaca_asks_for_within_a_minute(
    world: World, asked: dict[str, Any], low: float, high: float
) -> None:
    world.paper.fails({"kind": "429", **asked})
    assert world.reconcile().error_code == "broker_rate_limited"
    assert low <= world.retry_in_sec() <= high


def test_a_success_by_hand_takes_the_place_of_the_retry_that_waits(world: World) -> None:
    world.paper.fails({"kind": "500"})
    world.reconcile()
    assert world.config.reconcile_trigger is Trigger.RETRY
    world.paper.fails()
    world.reconcile_by_hand()
    config = world.config
    assert (config.reconcile_due_at, config.reconcile_trigger) == (None, None)
    assert world.reconciled()
    assert world.controller.claim_reconciliation() is None


def test_a_mode_switch_takes_the_place_of_the_retry_that_waits(make_world: Callable[..., World]) -> None:
    world = make_world(live=True, market_hours="nyse")
    for _ in range(3):
        world.paper.fails({"kind": "429", "retry_after": 60})
        world.reconcile()
    assert world.retry_in_sec() > 50
    world.paper.fails()
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED
    assert world.retry_in_sec() <= 0
    config = world.config
    assert (config.reconcile_trigger, config.reconcile_failures) == (Trigger.MODE_SWITCH, 0)
    assert world.controller.claim_reconciliation() is Trigger.MODE_SWITCH


@pytest.mark.parametrize("fault", [None, {"kind": "500"}])
@pytest.mark.parametrize("first", ["the old attempt", "the new attempt"])
def test_an_attempt_that_a_mode_switch_overtook_changes_nothing_but_is_reported(
    make_world: Callable[..., World], fault: dict[str, Any] | None, first: str
) -> None:
    world = make_world(live=True, market_hours="nyse")
    if fault:
        world.paper.fails(fault)
    old = world.gather()
    world.paper.fails()
    assert world.set_mode(Mode.LIVE).status is CommandStatus.APPLIED
    assert world.controller.claim_reconciliation() is Trigger.MODE_SWITCH
    if first == "the new attempt":
        assert world.reconcile(Trigger.MODE_SWITCH).outcome is Outcome.OK
    before = world.sql("SELECT * FROM bot_config")
    report = world.controller.conclude(old, Trigger.RETRY)
    assert (report.outcome, report.mode) == (Outcome.FAILED, Mode.PAPER)
    assert report.error_code == ("broker_failed" if fault else "stale_evidence")
    assert world.sql("SELECT * FROM bot_config") == before
    if first == "the old attempt":
        assert world.reconcile(Trigger.MODE_SWITCH).outcome is Outcome.OK
    assert world.reconciled()


def close_by_start(world: World) -> None:
    world.controller.restore("worker-2")


def close_by_switching_there_and_back(world: World) -> None:
    for mode in (Mode.LIVE, Mode.PAPER):
        assert world.set_mode(mode).status is CommandStatus.APPLIED


@pytest.mark.parametrize("is_claimed", [True, False])
@pytest.mark.parametrize("close", [close_by_start, close_by_switching_there_and_back])
def test_an_attempt_that_began_before_the_gate_was_closed_does_not_open_it(
    make_world: Callable[..., World], close: Callable[[World], None], is_claimed: bool
) -> None:
    world = make_world(live=True, market_hours="nyse")
    world.reconcile()
    old = world.gather()
    close(world)
    if is_claimed:
        assert world.controller.claim_reconciliation()
    before = world.sql("SELECT * FROM bot_config")
    report = world.controller.conclude(old, Trigger.RETRY)
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "stale_evidence")
    assert report.error == "Alpaca was read before the gate was closed."
    assert world.sql("SELECT * FROM bot_config") == before
    assert not world.reconciled()
    assert world.reconcile().outcome is Outcome.OK
    assert world.reconciled()


@pytest.mark.parametrize("close", [close_by_start, close_by_switching_there_and_back])
def test_nor_does_it_after_a_newer_attempt_has_failed(
    make_world: Callable[..., World], close: Callable[[World], None]
) -> None:
    world = make_world(live=True, market_hours="nyse")
    old = world.gather()
    close(world)
    world.paper.fails({"kind": "500"})
    assert world.reconcile().outcome is Outcome.FAILED
    before = world.sql("SELECT * FROM bot_config")
    world.controller.conclude(old, Trigger.RETRY)
    assert world.sql("SELECT * FROM bot_config") == before
    assert not world.reconciled()


def test_one_that_began_after_it_opens_it_though_another_is_due(world: World) -> None:
    close_by_start(world)
    by_hand = world.gather()
    assert world.controller.claim_reconciliation()
    assert world.controller.conclude(by_hand, Trigger.MANUAL).outcome is Outcome.OK
    assert world.reconciled()


def test_a_failure_from_before_the_gate_was_closed_delays_no_newer_attempt(world: World) -> None:
    world.paper.fails({"kind": "429", "retry_after": 60})
    old = world.gather()
    close_by_start(world)
    assert world.controller.conclude(old, Trigger.RETRY).error_code == "broker_rate_limited"
    assert world.controller.claim_reconciliation() is Trigger.STARTUP


@pytest.mark.parametrize("finding", ["a failure", "a difference"])
def test_an_older_attempt_that_ends_late_does_not_close_the_gate_that_a_newer_one_opened(
    world: World, finding: str
) -> None:
    if finding == "a failure":
        world.paper.fails({"kind": "500"})
    else:
        world.paper.holds(AAPL=1)
    old = world.gather()
    world.paper.fails()
    world.paper.holds()
    assert world.reconcile_by_hand().outcome is Outcome.OK
    before = world.sql("SELECT * FROM bot_config")
    report = world.controller.conclude(old, Trigger.RETRY)
    assert [row["id"] for row in world.reports()][-1] == report.id, "it is reported all the same"
    assert bool(report.differences) is (finding == "a difference")
    assert world.sql("SELECT * FROM bot_config") == before
    assert world.reconciled()


def test_a_clock_that_was_put_back_shuts_no_attempt_out(world: World) -> None:
    world.reconcile()
    close_by_start(world)
    world.sql(
        "UPDATE bot_config SET gate_closed_at = gate_closed_at + interval '1 hour',"
        " reconcile_began_at = reconcile_began_at + interval '1 hour'"
    )
    assert world.reconcile_by_hand().outcome is Outcome.OK
    assert world.reconciled()
