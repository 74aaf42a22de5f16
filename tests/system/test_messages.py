"""The message is a doorbell: duplicated, reordered, lost or late, it changes nothing beyond what the log says."""

import time
from typing import Any

import pytest

from tests.support.messages import Messages
from tests.support.stack import Stack

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def messages(stack: Stack) -> Messages:
    return Messages(stack.redis.url)


def send(stack: Stack, path: str, body: dict[str, str] | None = None) -> str:
    """Put a command into the log while the worker is frozen; its id."""
    method = "PATCH" if path == "/mode" else "POST"
    response = stack.api().request(method, path, json=body, headers=ASYNC)
    assert response.status_code == 202, response.text
    return str(response.json()["commandId"])


def statuses(stack: Stack, *ids: str) -> list[str]:
    rows = {str(row["id"]): row["status"] for row in stack.commands()}
    return [rows[command_id] for command_id in ids]


def wait_until_heard(stack: Stack, messages: Messages) -> None:
    """Returns when the worker has taken every message and finished every task."""
    last = messages.send("update_config", maxConcurrentPositions=7)
    stack.wait_for(lambda: f"bot.update_config[{last}] succeeded" in stack.worker.log(), 10, "all is heard")


def test_the_same_message_twice_changes_nothing(stack: Stack, messages: Messages):
    operator = stack.api()
    start = operator.do("/start")["commandId"]
    operator.do("/stop")
    before, rows = stack.config(), len(stack.commands())

    messages.announce("start", start)
    messages.announce("start", start)
    wait_until_heard(stack, messages)

    after = stack.config()
    assert (after["state"], after["revision"]) == (
        "stopped",
        before["revision"] + 1,
    )  # the last message's own
    assert len(stack.commands()) == rows + 1
    assert statuses(stack, start) == ["applied"]


def test_a_command_by_hand_that_is_delivered_twice_is_one_command(stack: Stack, messages: Messages):
    task_id = messages.send("start", reason="once")
    stack.wait_for(lambda: stack.status()["state"] == "running", 5, "it runs")
    stack.api().do("/stop")
    messages.send("start", task_id=task_id, reason="once")
    wait_until_heard(stack, messages)

    assert stack.status()["state"] == "stopped"
    assert len(stack.sql("SELECT 1 FROM bot_command WHERE id::text = %s", [task_id])) == 1


def test_messages_in_the_wrong_order_are_applied_in_the_order_of_the_log(stack: Stack, messages: Messages):
    stack.worker.freeze()
    ids = [send(stack, "/start"), send(stack, "/reconcile"), send(stack, "/rearm")]
    stack.wait_for(lambda: messages.waiting() >= 1, 5, "the messages are sent")
    messages.lose()
    kinds = ["start", "reconcile", "rearm"]
    for kind, command_id in reversed(list(zip(kinds, ids, strict=True))):
        messages.announce(kind, command_id)
    stack.worker.thaw()

    rows = [stack.wait_finished(command_id) for command_id in ids]
    assert [row["status"] for row in rows] == ["applied", "applied", "rejected"]
    assert rows[2]["from_state"] == "running"


def test_a_start_and_its_pause_in_the_wrong_order_end_paused(stack: Stack, messages: Messages):
    stack.worker.freeze()
    start, pause = send(stack, "/start"), send(stack, "/pause")
    messages.lose()
    messages.announce("pause", pause)
    messages.announce("start", start)
    stack.worker.thaw()

    assert stack.wait_finished(start)["to_state"] == "running"
    assert stack.wait_finished(pause)["to_state"] == "paused"
    assert stack.wait_finished(pause)["revision"] == stack.wait_finished(start)["revision"] + 1
    assert stack.status()["state"] == "paused"


def test_lost_messages_are_made_up_for_by_the_sweep(stack: Stack, messages: Messages):
    stack.worker.freeze()
    start = send(stack, "/start")
    reconcile = send(stack, "/reconcile")
    stack.wait_for(lambda: messages.waiting() >= 1, 5, "the messages are sent")
    messages.lose()
    stack.worker.thaw()

    assert stack.wait_finished(start)["status"] == "applied"
    assert stack.wait_finished(reconcile, 10)["status"] == "applied"


def test_a_doorbell_without_a_row_does_nothing(stack: Stack, messages: Messages):
    before, rows = stack.config(), len(stack.commands())
    messages.announce("start", "00000000-0000-4000-8000-000000000000")
    wait_until_heard(stack, messages)

    assert stack.config()["state"] == before["state"]
    assert len(stack.commands()) == rows + 1  # the last message's own


def test_a_stop_calls_off_a_start_that_is_pending(stack: Stack):
    stack.worker.freeze()
    start = send(stack, "/start")
    done = stack.api().do("/stop")
    assert (done["state"], done["status"]) == ("stopped", "applied")

    assert statuses(stack, start) == ["superseded"]
    shown = stack.api().command(start)
    assert (shown["errorCode"], shown["toState"], shown["revision"]) == ("superseded", None, None)
    stack.worker.thaw()
    stack.api().do("/reconcile")
    assert stack.status()["state"] == "stopped"


@pytest.mark.parametrize("halt", ["stop", "kill"])
def test_a_halt_calls_off_everything_that_was_issued_before_it_and_still_pends(stack: Stack, halt: str):
    stack.api().do("/start")
    stack.worker.freeze()
    unaffected = send(stack, "/reconcile")
    earlier = [
        send(stack, "/resume"),
        send(stack, "/start"),
        send(stack, "/mode", {"mode": "live"}),
        send(
            stack, "/pause"
        ),  # the last one: after a second web would apply it, and judge what comes before it
    ]
    done = stack.api().do(f"/{halt}")

    assert done["state"] == "stopped"
    assert [stack.wait_finished(each)["status"] for each in earlier] == ["superseded"] * 4
    assert statuses(stack, unaffected) == ["queued"]
    stack.worker.thaw()
    assert stack.wait_finished(unaffected)["status"] == "applied"
    assert stack.status()["state"] == "stopped"


def test_what_is_issued_after_a_halt_counts(stack: Stack):
    stack.api().do("/start")
    stack.worker.freeze()
    ids = [send(stack, "/stop"), send(stack, "/start"), send(stack, "/pause")]
    stack.worker.thaw()
    rows = [stack.wait_finished(command_id) for command_id in ids]
    assert [row["to_state"] for row in rows] == ["stopped", "running", "paused"]


def test_a_message_of_yesterday_does_not_fire_today(stack: Stack, messages: Messages):
    task_id = messages.send("start", headers={"pitboss_sent_at": time.time() - 86_400})
    row = stack.wait_finished(task_id)
    assert row["status"] in ("expired", "superseded"), "superseded where the bot was halted since"
    assert stack.status()["state"] == "stopped"


@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        (["smoke in the server room"], {}, "smoke in the server room"),
        ([], {"why": "smoke", "reason": "fire"}, "fire why=smoke"),
        ([], {"reason": "x" * 100_000}, "x" * 500),
        ([], {"reason": "nul \x00 byte"}, "nul  byte"),
        ([], {"reason": {"a": 1}}, "{'a': 1}"),
    ],
)
def test_a_kill_with_a_sloppy_argument_kills_and_keeps_what_it_can_of_the_reason(
    stack: Stack, messages: Messages, args: list[object], kwargs: dict[str, Any], reason: str
):
    stack.api().do("/start")
    row = stack.wait_finished(messages.send("kill", *args, **kwargs))
    assert (row["status"], row["reason"]) == ("applied", reason)
    assert stack.status()["killed"]


@pytest.mark.parametrize(
    ("kind", "args", "kwargs"),
    [
        ("start", ["now"], {}),
        ("start", [], {"when": "now"}),
        ("start", [], {"reason": 7}),
        ("start", [], {"reason": "x" * 501}),
        ("start", [], {"reason": "nul \x00"}),
        ("stop", [None], {}),
        ("set_mode", ["live", "paper"], {}),
        ("set_mode", [], {"mode": "live", "hard": True}),
    ],
)
def test_a_message_with_wrong_arguments_is_refused_with_a_log_line_and_the_worker_lives_on(
    stack: Stack, messages: Messages, kind: str, args: list[object], kwargs: dict[str, Any]
):
    rows = len(stack.commands())
    messages.send(kind, *args, **kwargs)
    wait_until_heard(stack, messages)

    assert len(stack.commands()) == rows + 1  # the last message's own
    assert f"rejected a message: bot.{kind}" in stack.worker.log()


@pytest.mark.parametrize(
    ("kind", "args", "kwargs", "named"),
    [
        ("set_mode", ["demo"], {}, "mode: "),
        ("set_mode", [7], {}, "mode: "),
        ("set_mode", [], {}, "mode: "),
        ("update_config", [], {"positionSizeUsd": -1}, "positionSizeUsd: Input should be greater than 0."),
        ("update_config", [], {"minWinRate": None}, "minWinRate: must not be null."),
        ("update_config", [], {"state": "running"}, "state: is not a threshold."),
        ("update_config", [], {}, "There is nothing to change"),
    ],
)
def test_a_message_with_wrong_parameters_is_rejected_in_the_log_which_names_them(
    stack: Stack, messages: Messages, kind: str, args: list[object], kwargs: dict[str, Any], named: str
):
    row = stack.wait_finished(messages.send(kind, *args, **kwargs))
    assert (row["status"], row["error_code"], row["source"]) == ("rejected", "validation", "celery")
    assert row["error"].startswith(named)


def test_garbage_in_the_queue_does_not_stop_the_worker(stack: Stack, messages: Messages):
    messages.raw("this is no task", content_type="text/plain", content_encoding="utf-8")
    messages.raw(b"\x80\x04K\x01.", content_type="application/x-python-serialize", content_encoding="binary")
    messages.raw("{", content_type="application/json", content_encoding="utf-8")
    messages.raw("x" * 1_000_000, content_type="application/json", content_encoding="utf-8")
    messages.send("fly")
    wait_until_heard(stack, messages)
    assert stack.api().do("/start")["state"] == "running"
