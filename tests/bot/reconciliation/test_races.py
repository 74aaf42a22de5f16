"""What happens while Alpaca is read, and when things break in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from bot.commands import log as command_log
from bot.errors import OutcomeUnknown
from bot.models import Outcome, Trigger
from bot.reconciliation.evidence import Reading
from bot.states import CommandKind, CommandStatus, Mode
from bot.storage.pipeline import Pipeline
from tests.bot.fake import Call
from tests.bot.fake_account import FakeAccount
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
    assert 1 < world.retry_in_sec() < 3
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


def test_a_starting_worker_claims_in_any_case_and_agreement_is_looked_at_again_when_it_is_due(
    world: World,
) -> None:
    world.controller.restore("worker-1")
    assert world.controller.claim_reconciliation() is Trigger.STARTUP
    assert world.controller.claim_reconciliation(force=True) is Trigger.STARTUP
    world.reconcile()
    assert world.controller.claim_reconciliation() is None
    assert world.controller.claim_reconciliation(force=True) is Trigger.PERIODIC
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC


@pytest.mark.parametrize(
    ("commands", "seconds"), [([], 300), (["start"], 45), (["start", "pause"], 45), (["start", "stop"], 300)]
)
def test_the_next_attempt_is_due_by_the_bots_state(
    make_world: Callable[..., World], commands: list[str], seconds: int
) -> None:
    world = make_world(reconcile_every_sec=45)
    for kind in commands:
        world.do(CommandKind(kind))
    world.reconcile()
    assert seconds - 2 < world.retry_in_sec() <= seconds


@pytest.mark.parametrize("kind", ["start", "stop", "kill"])
def test_a_halt_and_a_start_have_an_attempt_made_at_once(world: World, kind: str) -> None:
    if kind == "stop":
        world.do(CommandKind.START)
    world.reconcile()
    assert world.controller.claim_reconciliation() is None
    world.do(CommandKind(kind))
    assert world.reconciled(), "the gate stays as it is"
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC


def test_an_attempt_that_began_before_a_halt_leaves_the_one_that_the_halt_asked_for(world: World) -> None:
    world.reconcile()
    assert world.controller.claim_reconciliation(force=True) is not None
    before = world.gather()
    world.do(CommandKind.KILL)
    assert world.controller.conclude(before, Trigger.PERIODIC).outcome is Outcome.OK
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC
    world.controller.conclude(world.gather(), Trigger.PERIODIC)
    assert world.controller.claim_reconciliation() is None


def test_attempts_keep_to_sixty_requests_a_minute(world: World) -> None:
    for _ in range(19):
        world.reconcile()
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC, "57 were made, 3 are left"
    world.reconcile()
    world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    assert world.controller.claim_reconciliation() is None
    command = world.submit(CommandKind.RECONCILE)

    def claim() -> bool:
        return world.database.run(
            lambda session: command_log.claim_gathering(session, command.id, 20, world.settings)
        )

    assert not claim(), "a manual one waits, too"
    world.sql("UPDATE bot_reconciliation SET started_at = started_at - interval '1 minute' WHERE id % 2 = 0")
    assert world.controller.claim_reconciliation() is Trigger.PERIODIC
    assert claim()


def test_an_attempt_makes_no_more_requests_than_the_minute_has_left(world: World) -> None:
    for _ in range(19):
        world.reconcile()
    before = [world.trade(f"GONE{n}", 5) for n in range(3)]
    asked = len(world.paper.calls())
    report = world.reconcile_twice()
    assert report.error_code == "requests_used_up"
    assert len(world.paper.calls()) - asked == 6, "three for each of the two"
    assert {world.status_of(trade) for trade in before} == {"open"}


def test_one_reading_serves_every_reconcile_that_was_issued_before_it_began(world: World) -> None:
    commands = [world.submit(CommandKind.RECONCILE) for _ in range(92)]
    evidence = world.gather()
    late = world.submit(CommandKind.RECONCILE)
    world.controller.apply(evidence={commands[0].id: evidence})
    assert {world.command(each.id).status for each in commands} == {CommandStatus.APPLIED}
    assert world.command(late.id).pending, "it was issued after the reading began"
    reports = world.reports()
    assert {row["command_id"] for row in reports} == {each.id for each in commands}
    assert sorted(row["requests"] for row in reports) == [0] * 91 + [3]
    assert world.paper.calls() == ["/v2/account", "/v2/clock", "/v2/positions"]


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
    assert config.reconcile_trigger is Trigger.PERIODIC
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
