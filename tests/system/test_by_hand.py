"""Celery's command line, as an operator uses it."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.messages import Messages
from tests.support.stack import Stack


def test_commands_by_hand_are_in_the_log_with_their_outcome_which_result_shows(stack: Stack):
    called = stack.call("call", "bot.start", "--kwargs", '{"reason": "by hand"}')
    assert called.returncode == 0, called.stderr
    task_id = called.stdout.strip()
    row = stack.wait_finished(task_id)
    assert (row["kind"], row["source"], row["actor"]) == ("start", "celery", "celery")
    assert (row["reason"], row["status"], row["to_state"]) == ("by hand", "applied", "running")
    assert re.fullmatch(rf"gen\d+@{re.escape(socket.gethostname())}", row["sent_from"]), (
        "the host that sent it"
    )
    assert stack.status()["state"] == "running"

    stack.wait_for(lambda: f"bot.start[{task_id}] succeeded" in stack.worker.log(), 5, "the task has ended")
    with ThreadPoolExecutor(3) as pool:
        result = pool.submit(stack.call, "result", task_id)
        mode = pool.submit(stack.call, "call", "bot.set_mode", "--args", '["live"]')
        ping = pool.submit(stack.call, "inspect", "ping", "--timeout", "5")

    shown = result.result().stdout
    for word in (task_id, "applied", "running"):
        assert word in shown, shown
    row = stack.wait_finished(mode.result().stdout.strip(), 10)
    assert (row["kind"], row["params"], row["source"]) == ("set_mode", {"mode": "live"}, "celery")
    assert (row["status"], row["error_code"]) == ("rejected", "not_stopped")
    assert "pong" in ping.result().stdout


def test_wrong_arguments_by_hand_are_refused_with_a_hint(stack: Stack):
    rows = len(stack.commands())
    called = stack.call("call", "bot.start", "--args", '["now"]')
    task_id = called.stdout.strip()
    stack.wait_for(lambda: f"bot.start[{task_id}] succeeded" in stack.worker.log(), 10, "the task has ended")

    assert "rejected a message: bot.start takes no positional arguments" in stack.worker.log()
    shown = stack.call("result", task_id).stdout
    assert re.search(r"rejected.*try: celery -A worker call bot\.start --kwargs", shown), shown
    assert len(stack.commands()) == rows


def test_every_command_can_be_sent_by_hand(stack: Stack):
    messages = Messages(stack.redis.url)

    def outcome(kind: str, *args: object, **kwargs: Any) -> tuple[str, str | None]:
        row = stack.wait_finished(messages.send(kind, *args, **kwargs), 10)
        assert (row["kind"], row["source"]) == (kind, "celery")
        return row["status"], row["to_state"] or row["error_code"]

    assert outcome("start", reason="r") == ("applied", "running")
    assert outcome("pause") == ("applied", "paused")
    assert outcome("resume") == ("applied", "running")
    assert outcome("update_config", maxConcurrentPositions=2, reason="r") == ("applied", "running")
    assert outcome("set_mode", "paper") == ("applied", "running")
    assert outcome("set_mode", mode="live") == ("rejected", "not_stopped")
    assert outcome("stop") == ("applied", "stopped")
    assert outcome("kill", reason="r") == ("applied", "stopped")
    assert outcome("start") == ("rejected", "killed")
    assert outcome("rearm") == ("applied", "stopped")
    assert outcome("reconcile") == ("applied", "stopped")
    assert stack.api().read("/config")["maxConcurrentPositions"] == 2


def test_an_id_of_the_senders_own_making_is_fine(stack: Stack):
    Messages(stack.redis.url).send("start", task_id="my-own-id")
    stack.wait_for(lambda: stack.status()["state"] == "running", 5, "it runs")
