"""Paper and live: two accounts, and every reason not to switch."""

import threading
from contextlib import closing

import pytest
from psycopg2.extensions import connection as Connection

from tests.support import envelope
from tests.support.broker import KEYS
from tests.support.fixtures import StackFactory
from tests.support.invariants import decided
from tests.support.messages import Messages
from tests.support.stack import Stack

LIVE, PAPER = {"mode": "live"}, {"mode": "paper"}
#: Longer than Alpaca is waited for.
PATIENT = {"Prefer": "wait=10"}


@pytest.fixture(scope="module")
def _stack(make_module_stack: StackFactory) -> Stack:
    return make_module_stack(MARKET_HOURS="nyse").start()


@pytest.fixture
def nyse(_stack: Stack) -> Stack:
    """A system that goes by the exchange's hours, and so may be switched to live; stopped, in paper mode."""
    _stack.broker.start()
    _stack.broker.heal()
    for mode in KEYS:
        _stack.broker.positions(mode)
        _stack.broker.account(mode, trading_blocked=False)
    _stack.sql("DELETE FROM bot_trade")
    _stack.api().do("/kill")
    _stack.api().do("/rearm")
    assert _stack.api().patch("/mode", PAPER, headers=PATIENT).status_code == 200
    _stack.api().do("/reconcile", headers=PATIENT)
    _stack.wait_accepting()
    return _stack


def refused(stack: Stack, code: str) -> dict[str, object]:
    """Ask for live mode, and see that it is refused with *code* and changes nothing."""
    before = stack.config()
    body = envelope.check(stack.api().patch("/mode", LIVE, headers=PATIENT), 409, code)
    after = stack.config()
    assert decided(after) == decided(before)
    assert stack.commands()[-1]["status"] == "rejected"
    return body


def test_a_switch_changes_the_account_and_closes_the_gate_until_that_one_is_reconciled(nyse: Stack):
    accounts = {mode: nyse.broker.account(mode)["id"] for mode in KEYS}
    nyse.broker.faults({"kind": "slow", "path": "/v2/positions", "key": KEYS["live"][0], "seconds": 0.7})

    done = nyse.api().patch("/mode", LIVE)
    assert (done.status_code, done.json()["mode"], done.json()["state"]) == (200, "live", "stopped")
    assert "not_reconciled" in nyse.api("bot").read("/gate")["reasons"]
    nyse.wait_accepting()

    config = nyse.config()
    assert (config["mode"], config["paper_account_id"], config["live_account_id"]) == (
        "live",
        accounts["paper"],
        accounts["live"],
    )
    report = nyse.api("viewer").read("/reconciliations?limit=1")["items"][0]
    assert (report["trigger"], report["mode"], report["accountId"]) == (
        "mode_switch",
        "live",
        accounts["live"],
    )
    assert nyse.status()["mode"] == "live"

    assert nyse.api().patch("/mode", PAPER).json()["mode"] == "paper"
    nyse.wait_accepting()
    row = nyse.commands()[-1]
    assert (row["kind"], row["params"], row["mode"]) == ("set_mode", {"mode": "paper"}, "paper")


@pytest.mark.parametrize("way", [[], ["/start"], ["/start", "/pause"], ["/kill"]])
def test_the_present_mode_again_is_fine_and_changes_nothing(nyse: Stack, way: list[str]):
    for path in way:
        nyse.api().do(path)
    nyse.wait_compared()
    before = nyse.config()
    done = nyse.api().patch("/mode", PAPER)

    assert (done.status_code, done.json()["mode"]) == (200, "paper")
    after = nyse.config()
    for name in ("state", "mode", "enabled", "reconciled_at", "killed_at"):
        assert after[name] == before[name]


@pytest.mark.parametrize("way", [["/start"], ["/start", "/pause"]])
def test_refused_unless_stopped(nyse: Stack, way: list[str]):
    for path in way:
        nyse.api().do(path)
    refused(nyse, "not_stopped")


def test_refused_with_one_open_trade(nyse: Stack):
    trade = nyse.open_trade()
    refused(nyse, "positions_open")

    nyse.sql("UPDATE bot_trade SET status = 'closed' WHERE id::text = %s", [trade])
    assert nyse.api().patch("/mode", LIVE, headers=PATIENT).json()["mode"] == "live"


def test_refused_while_the_account_holds_a_position(nyse: Stack):
    nyse.broker.positions("paper", AAPL=5)
    assert "AAPL" in str(refused(nyse, "positions_open")["error"])


@pytest.mark.parametrize("mode", ["paper", "live"])
@pytest.mark.parametrize("kind", ["401", "403", "429", "500", "html", "truncated", "refuse", "not_a_list"])
def test_refused_when_an_account_gives_no_usable_answer(nyse: Stack, kind: str, mode: str):
    nyse.broker.faults({"kind": kind, "key": KEYS[mode][0]})
    refused(nyse, "account_unavailable")


def test_refused_when_the_broker_cannot_be_reached(nyse: Stack):
    nyse.broker.stop()
    refused(nyse, "account_unavailable")


def test_refused_when_the_broker_does_not_answer_in_time(nyse: Stack):
    nyse.broker.faults({"kind": "timeout"})
    refused(nyse, "account_unavailable")


def test_refused_when_the_account_is_blocked(nyse: Stack):
    nyse.broker.account("live", trading_blocked=True)
    refused(nyse, "account_unavailable")


def test_refused_when_the_keys_belong_to_another_account_than_the_mode_is_bound_to(nyse: Stack):
    assert nyse.api().patch("/mode", LIVE, headers=PATIENT).status_code == 200
    nyse.wait_accepting()
    assert nyse.api().patch("/mode", PAPER, headers=PATIENT).status_code == 200
    nyse.wait_accepting()
    right = nyse.broker.account("live")["id"]
    nyse.broker.account("live", id="11111111-1111-4111-8111-111111111111")
    try:
        refused(nyse, "account_unavailable")
    finally:
        nyse.broker.account("live", id=right)


def test_refused_without_keys_for_the_other_account(make_stack: StackFactory):
    stack = make_stack(MARKET_HOURS="nyse", ALPACA_LIVE_API_KEY="", ALPACA_LIVE_API_SECRET="")
    stack.start_redis()
    stack.start_sandbox()
    stack.start_worker()
    row = stack.wait_finished(Messages(stack.redis.url).send("set_mode", "live"))

    assert (row["status"], row["error_code"]) == ("rejected", "credentials_missing")
    assert "ALPACA_LIVE_API_KEY" in row["error"]
    assert stack.config()["mode"] == "paper"


def test_live_is_refused_while_market_hours_are_overridden(stack: Stack):
    assert "MARKET_HOURS" in str(refused(stack, "market_hours_override")["error"])


def test_a_kill_while_alpaca_is_being_asked_calls_the_switch_off(nyse: Stack):
    nyse.broker.faults({"kind": "slow", "seconds": 1.0})
    pending = nyse.api().patch("/mode", LIVE, headers={"Prefer": "respond-async"}).json()["commandId"]
    nyse.broker.forget()
    nyse.wait_for(lambda: nyse.broker.calls(), 5, "Alpaca is asked")
    nyse.api().do("/kill")

    assert nyse.wait_finished(pending)["status"] == "superseded"
    nyse.api().do("/rearm")
    assert nyse.status()["mode"] == "paper"


def test_later_commands_pass_a_switch_that_still_asks_alpaca(nyse: Stack):
    nyse.broker.faults({"kind": "slow", "seconds": 1.0})
    pending = nyse.api().patch("/mode", LIVE, headers={"Prefer": "respond-async"}).json()["commandId"]
    assert nyse.api().do("/start", headers=PATIENT)["state"] == "running"
    assert nyse.wait_finished(pending)["error_code"] == "not_stopped"


def test_two_switches_racing_an_open_trade_never_end_switched_with_a_trade_from_before(nyse: Stack):
    # whoever won last time starts later, so that the rounds stay where both can win, on a busy machine too
    wins = {"paper": 0, "live": 0}
    delay = 0.04
    with closing(nyse.tables.connect()) as executor:
        while min(wins.values()) < 3 and sum(wins.values()) < 40:
            mode = _race(nyse, executor, delay)
            wins[mode] += 1
            delay *= 1.6 if mode == "paper" else 0.7
    assert min(wins.values()) >= 3, f"the race was hardly ever won by both sides: {wins}"


def _race(stack: Stack, executor: Connection, delay: float) -> str:
    """Switch twice and open a trade at once, the trade *delay* seconds later; the mode that came of it."""
    barrier = threading.Barrier(3)
    answers: list[int] = []
    seen: list[str] = []

    def switch() -> None:
        barrier.wait()
        answers.append(stack.api().patch("/mode", LIVE, headers=PATIENT).status_code)

    def insert() -> None:
        barrier.wait()
        with executor.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [delay])
            cursor.execute("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('AAPL', 10, 1)")
            # the trade is not visible to others yet, and must count all the same
            cursor.execute("SELECT mode, pg_sleep(0.05) FROM bot_config")
            seen.extend(row[0] for row in cursor.fetchall())
        executor.commit()

    threads = [threading.Thread(target=work) for work in (switch, switch, insert)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    mode = str(stack.config()["mode"])
    assert seen == [mode], f"the trade was opened in {seen[0]} mode, and the mode is {mode} now"
    assert set(answers) <= {200, 409}
    stack.sql("DELETE FROM bot_trade")
    assert stack.api().patch("/mode", PAPER, headers=PATIENT).status_code == 200
    return mode
