"""Flower looks: it shows what was asked for by whom and how it ended, and can do nothing. And what revoking a message does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.support.fixtures import StackFactory
from tests.support.messages import Messages
from tests.support.ports import free as free_port
from tests.support.process import Process
from tests.support.stack import ROOT, Stack

LOGIN = ("operator", "a-password-of-the-tests")


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    return make_module_stack(FLOWER_BASIC_AUTH=":".join(LOGIN)).start()


class Flower:
    def __init__(self, stack: Stack, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        options = ("--address=127.0.0.1", f"--port={port}", "--logging=error")
        # as script/server and deploy/flower start it
        command = stack.program("flower", *options, "--max_tasks=5000")
        log = stack.directory / "flower.log"
        self.process = Process(
            "flower", command, env=stack.env({"FLOWER_READ_ONLY": "true"}), cwd=ROOT, log=log
        )

    def get(self, path: str) -> requests.Response:
        return requests.get(self._url + path, auth=LOGIN, timeout=5)

    def post(self, path: str) -> requests.Response:
        return requests.post(self._url + path, auth=LOGIN, json={"args": []}, timeout=5)

    def workers(self) -> list[str]:
        try:
            return list(self.get("/api/workers?refresh=1").json())
        except requests.RequestException:
            return []


@pytest.fixture(scope="module")
def flower(stack: Stack) -> Iterator[Flower]:
    flower = Flower(stack, free_port())
    flower.process.start()
    try:
        stack.wait_for(flower.workers, 30, "Flower sees the worker")
        stack.wait_for(lambda: "enabled by remote" in stack.worker.log(whole=True), 30, "it is told of tasks")
        yield flower
    finally:
        flower.process.close()


@pytest.fixture(autouse=True)
def _stopped(stack: Stack) -> None:
    if stack.status()["state"] != "stopped":
        stack.api().do("/stop")


def test_a_refused_command_is_shown_with_its_parameters_its_actor_and_its_outcome(
    stack: Stack, flower: Flower
) -> None:
    stack.api().do("/start")
    refused = stack.api().patch("/mode", {"mode": "live", "reason": "now"})
    assert refused.status_code == 409
    command_id = refused.json()["details"]["commandId"]

    def shown() -> dict[str, Any]:
        answer = flower.get(f"/api/task/info/{command_id}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found if found.get("result") else {}

    task = stack.wait_for(shown, 15, "Flower shows it")
    assert (task["name"], task["args"]) == ("bot.set_mode", "operator")
    assert '"mode": "live"' in task["kwargs"]
    for part in ("rejected", "not_stopped", command_id):
        assert part in task["result"]


@pytest.mark.parametrize(
    "action",
    [
        "/api/task/async-apply/bot.start",
        "/api/task/revoke/00000000-0000-4000-8000-000000000000",
        "/api/worker/shutdown/worker@tests",
        "/api/worker/pool/shrink/worker@tests?n=1",
        "/api/worker/queue/cancel-consumer/worker@tests?queue=halts",
    ],
)
def test_it_can_do_nothing(stack: Stack, flower: Flower, action: str) -> None:
    assert flower.post(action).status_code == 403
    assert stack.status()["state"] == "stopped"
    assert stack.worker.running


@pytest.mark.parametrize("kind", ["start", "pause"])
def test_a_manual_command_that_was_revoked_before_it_was_read_stands_in_the_log_as_refused(
    stack: Stack, kind: str
) -> None:
    task_id = str(uuid4())
    stack.call("control", "revoke", task_id)
    Messages(stack.redis.url).send(kind, task_id=task_id, reason="never mind")
    row = stack.wait_finished(task_id, 10)
    assert (row["status"], row["error_code"], row["reason"]) == ("rejected", "revoked", "never mind")
    assert stack.status()["state"] == "stopped"


def test_to_revoke_a_command_of_the_api_changes_nothing(stack: Stack) -> None:
    stack.worker.freeze()
    accepted = stack.api().post("/start", headers={"Prefer": "respond-async"}).json()["commandId"]
    stack.call("control", "revoke", accepted)
    stack.worker.thaw()
    assert stack.wait_finished(accepted, 10)["status"] == "applied"
