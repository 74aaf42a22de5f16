"""No worker: nothing unsafe happens later by surprise, and what makes the bot safer happens all the same."""

import time
from datetime import timedelta

import pytest

from tests.support import envelope
from tests.support.messages import Messages
from tests.support.stack import Stack

# nearly all of it is waiting: at the end of a run nothing would be left to do beside it
pytestmark = pytest.mark.first

ASYNC = {"Prefer": "respond-async"}


def test_a_start_expires_without_anybody_asking_and_is_never_applied(stack: Stack):
    stack.worker.kill()
    began = time.monotonic()
    response = stack.api().post("/start")
    waited = time.monotonic() - began

    assert response.status_code == 202
    assert waited > 1.9, "it was waited for, though the answer came without an outcome"
    command_id = response.json()["commandId"]
    assert (response.json()["status"], response.json()["state"]) == ("queued", "stopped")
    assert response.headers["Location"] == f"/api/bot/commands/{command_id}"
    assert stack.status()["pendingCommands"] == 1
    run_out(stack, command_id)

    stack.wait_for(lambda: not stack.status()["worker"]["online"], 10, "the worker shows as offline")
    assert stack.api(None).get("//readyz").json()["worker"] == "offline"

    stack.start_worker()
    shown = stack.api().command(command_id)
    assert (shown["status"], shown["errorCode"], shown["toState"]) == ("expired", "expired", None)
    assert stack.status()["state"] == "stopped"


@pytest.mark.parametrize(("path", "body"), [("/resume", None), ("/mode", {"mode": "live"})])
def test_a_resume_and_a_mode_switch_expire_too(stack: Stack, path: str, body: dict[str, str] | None):
    stack.worker.freeze()
    method = "PATCH" if body else "POST"
    response = stack.api().request(method, path, json=body, headers=ASYNC)
    assert response.status_code == 202
    run_out(stack, response.json()["commandId"])


def run_out(stack: Stack, command_id: str) -> None:
    """See that the command has 30 s, let them pass, and see it expire."""
    [row] = stack.sql("SELECT * FROM bot_command WHERE id::text = %s", [command_id])
    lifetime = row["expires_at"] - row["issued_at"]
    assert abs(lifetime - timedelta(seconds=30)) < timedelta(milliseconds=1)
    stack.sql("UPDATE bot_command SET expires_at = clock_timestamp() WHERE id::text = %s", [command_id])
    row = stack.wait_finished(command_id, 2)
    assert (row["status"], row["error_code"], row["to_state"]) == ("expired", "expired", None)


def test_an_expired_start_that_the_worker_finds_is_not_applied(stack: Stack):
    stack.worker.freeze()
    stack.web.freeze()  # so that nobody ends it before the worker sees it
    [row] = stack.sql(
        "INSERT INTO bot_command (id, kind, actor, source, expires_at)"
        " VALUES (gen_random_uuid(), 'start', 'tests', 'api', clock_timestamp() - interval '1 second') RETURNING id"
    )
    stack.worker.thaw()
    assert stack.wait_finished(str(row["id"]))["status"] == "expired"
    assert stack.config()["state"] == "stopped"


def test_pause_stop_kill_and_rearm_never_expire(stack: Stack):
    operator = stack.api()
    for path in ("/start", "/pause", "/stop", "/kill", "/rearm"):
        operator.do(path)
    rows = stack.commands()[-4:]
    assert [(row["kind"], row["expires_at"]) for row in rows] == [
        (kind, None) for kind in ("pause", "stop", "kill", "rearm")
    ]


@pytest.mark.parametrize("prefer", ["wait=10", "respond-async"])
@pytest.mark.parametrize(("kind", "state"), [("stop", "stopped"), ("pause", "paused")])
def test_stop_and_pause_are_applied_while_the_worker_is_frozen(
    stack: Stack, kind: str, state: str, prefer: str
):
    stack.api().do("/start")
    stack.worker.freeze()
    response = stack.api().post(f"/{kind}", headers={"Prefer": prefer})
    if prefer == "respond-async":
        assert response.status_code == 202
        stack.wait_finished(response.json()["commandId"])
    else:
        assert (response.status_code, response.json()["state"]) == (200, state)
    assert stack.config()["state"] == state


def test_what_is_pending_is_applied_when_a_worker_starts_also_if_redis_lost_its_data(stack: Stack):
    stack.worker.kill()
    command_id = stack.api().post("/start", headers=ASYNC).json()["commandId"]
    messages = Messages(stack.redis.url)
    stack.wait_for(lambda: messages.waiting() == 1, 5, "the message is sent")
    messages.lose()
    stack.start_worker()

    assert stack.wait_finished(command_id)["status"] == "applied"
    assert stack.status()["state"] == "running"


def test_a_child_that_dies_costs_no_command(stack: Stack):
    for path, state in (("/start", "running"), ("/pause", "paused"), ("/resume", "running")):
        stack.worker.kill_child()
        assert stack.api().do(path)["state"] == state


def test_the_standby_takes_over(stack: Stack):
    standby = stack.start_worker("standby")
    try:
        stack.api().do("/start")
        stack.worker.kill()
        assert stack.api().do("/pause")["state"] == "paused"
        assert stack.api().do("/resume")["state"] == "running", "which web leaves to a worker"

        stack.start_worker()
        standby.freeze()
        assert stack.api().do("/pause")["state"] == "paused"
        envelope.check(stack.api().post("/pause"), 400, "invalid_transition")
    finally:
        stack.workers.pop("standby").close()
