"""What survives, and what a worker does when it starts."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.support.stack import Stack

WAY_TO = {"stopped": ["/start", "/stop"], "running": ["/start"], "paused": ["/start", "/pause"]}


def test_a_fresh_database_shows_the_six_names_and_starts(fresh_stack: Stack):
    status = fresh_stack.status()
    first = {
        "state": "stopped",
        "mode": "paper",
        "openPositionCount": 0,
        "todayRealizedPnl": 0,
        "todayTradeCount": 0,
        "marketOpen": True,
    }
    assert {name: status[name] for name in first} == first
    assert set(status) >= {
        "enabled",
        "killed",
        "acceptingSignals",
        "reconciliation",
        "worker",
        "pendingCommands",
        "revision",
    }
    assert (status["revision"], status["pendingCommands"], status["enabled"]) == (0, 0, False)
    assert status["worker"]["online"] is True
    assert set(status["worker"]) == {"online", "lastSeenAt"}
    assert {"outcome", "trigger", "finishedAt", "error"} <= set(status["reconciliation"])
    assert (status["reconciliation"]["outcome"], status["reconciliation"]["trigger"]) == ("ok", "startup")

    assert fresh_stack.api().do("/start")["state"] == "running"
    assert fresh_stack.status()["acceptingSignals"] is True


@pytest.mark.parametrize(
    ("state", "ending"), [("running", "kill -9"), ("paused", "SIGTERM"), ("stopped", "SIGTERM")]
)
def test_a_worker_restart_keeps_the_state(stack: Stack, state: str, ending: str):
    for path in WAY_TO[state]:
        stack.api().do(path)
    stack.sql("DELETE FROM bot_worker WHERE name NOT LIKE %s", [f"%:{stack.worker.pid}"])  # of earlier tests
    stack.wait_compared()
    before = stack.config()
    reports = len(stack.sql("SELECT 1 FROM bot_reconciliation"))

    if ending == "SIGTERM":
        assert stack.worker.terminate() == 0
        # it signs off: nobody has to wait for its heartbeat to grow old
        assert stack.status()["worker"] == {"online": False, "lastSeenAt": None}
    else:
        stack.worker.kill()
    stack.start_worker()

    after = stack.config()
    assert (after["state"], after["enabled"], after["revision"]) == (state, True, before["revision"])
    assert after["reconciled_at"] > before["reconciled_at"]
    assert len(stack.sql("SELECT 1 FROM bot_reconciliation")) == reports + 1
    assert stack.status()["reconciliation"]["trigger"] == "startup"
    assert stack.status()["acceptingSignals"] is (state == "running")


def test_a_bot_that_is_not_enabled_comes_up_stopped_which_the_log_shows(stack: Stack):
    stack.api().do("/start")
    stack.worker.kill()
    stack.sql("UPDATE bot_config SET enabled = false")
    stack.start_worker()

    assert (stack.status()["state"], stack.status()["enabled"]) == ("stopped", False)
    row = stack.commands()[-1]
    assert (row["kind"], row["source"], row["status"]) == ("stop", "system", "applied")
    assert (row["from_state"], row["to_state"]) == ("running", "stopped")
    assert row["actor"].startswith("worker@tests")


def test_the_kill_switch_survives_a_restart_of_everything(stack: Stack):
    stack.api().do("/start")
    stack.api().do("/kill", {"reason": "for good"})
    stack.worker.kill()
    stack.web.kill()
    stack.start()

    status = stack.status()
    assert (status["state"], status["killed"], status["killReason"]) == ("stopped", True, "for good")
    assert stack.api().post("/start").status_code == 409


def test_sigterm_lets_the_worker_finish_the_command_in_its_hand(stack: Stack):
    stack.broker.faults({"kind": "slow", "seconds": 0.7})
    pending = stack.api().post("/reconcile", headers={"Prefer": "respond-async"}).json()["commandId"]
    stack.wait_for(stack.broker.calls, 5, "the broker is asked")

    assert stack.worker.terminate() == 0
    [row] = stack.sql("SELECT status FROM bot_command WHERE id::text = %s", [pending])
    assert row["status"] == "applied"


def test_a_message_that_reaches_the_child_as_the_worker_ends_does_not_keep_it_from_ending(stack: Stack):
    log = stack.worker.log
    stack.wait_for(lambda: log().count("] received") == log().count("] succeeded"), 5, "the child is idle")
    stack.worker.freeze_child()
    command_id = stack.api().do("/start")[
        "commandId"
    ]  # the main process applies it, and passes the message on
    stack.wait_for(lambda: f"bot.start[{command_id}] received" in log(), 5, "the message is in")
    before = _connections(stack)
    stack.worker.interrupt()
    stack.wait_for(lambda: _connections(stack) < before, 5, "it takes no more messages")
    stack.worker.thaw()

    assert stack.worker.wait(15) == 0  # it would be 30 s


def test_sigterm_lets_web_answer_the_requests_that_wait(stack: Stack):
    stack.worker.freeze()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stack.api().post, "/start", headers={"Prefer": "wait=4"})
        stack.wait_for(lambda: stack.status()["pendingCommands"] == 1, 5, "the request waits")
        stack.web.interrupt()
        threading.Timer(1, stack.worker.thaw).start()
        assert stack.web.wait(15) == 0
    assert (answer.result().status_code, answer.result().json()["state"]) == (200, "running")


def _connections(stack: Stack) -> int:
    """How many the worker has to Redis."""
    connections = psutil.Process(stack.worker.pid).net_connections("tcp")
    return [getattr(each.raddr, "port", None) for each in connections].count(stack.redis.port)
