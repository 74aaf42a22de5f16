"""Idempotency-Key: once is once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.support import envelope
from tests.support.stack import Stack


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{uuid4()}", "Prefer": "wait=10"}


def rows(stack: Stack, key: dict[str, str]) -> int:
    return len(stack.sql("SELECT 1 FROM bot_command WHERE idempotency_key = %s", [key["Idempotency-Key"]]))


def test_the_same_key_and_body_give_the_same_command_back(stack: Stack, key: dict[str, str]):
    first = stack.api().do("/start", {"reason": "go"}, headers=key)
    stack.api().do("/stop")
    again = stack.api().do("/start", {"reason": "go"}, headers=key)

    assert again == first
    assert rows(stack, key) == 1
    assert stack.status()["state"] == "stopped"


def test_twenty_at_once_are_one_command(stack: Stack, key: dict[str, str]):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: stack.api().post("/start", headers=key), range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["commandId"] for answer in answers}) == 1
    assert rows(stack, key) == 1


def test_twenty_kills_at_once_are_one_command(stack: Stack, key: dict[str, str]):
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: stack.api().post("/kill", {"reason": "now"}, headers=key), range(20))
        )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["commandId"] for answer in answers}) == 1
    assert rows(stack, key) == 1


def test_a_refusal_is_repeated_as_it_was(stack: Stack, key: dict[str, str]):
    first = envelope.check(stack.api().post("/pause", headers=key), 400, "invalid_transition")
    stack.api().do("/start")
    again = envelope.check(stack.api().post("/pause", headers=key), 400, "invalid_transition")

    assert again == first
    assert stack.status()["state"] == "running"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/start", {"reason": "another"}),
        ("POST", "/stop", {"reason": "go"}),
        ("PATCH", "/mode", {"mode": "paper"}),
    ],
)
def test_the_same_key_for_another_command_is_refused(
    stack: Stack, key: dict[str, str], method: str, path: str, body: dict[str, str]
):
    first = stack.api().do("/start", {"reason": "go"}, headers=key)
    refused = envelope.check(
        stack.api().request(method, path, json=body, headers=key), 422, "idempotency_conflict"
    )
    assert refused["details"]["commandId"] == first["commandId"]
    assert rows(stack, key) == 1
    assert stack.status()["state"] == "running"


def test_another_body_of_the_same_change_is_refused(stack: Stack, key: dict[str, str]):
    assert stack.api().patch("/config", {"maxConcurrentPositions": 4}, headers=key).status_code == 200
    assert stack.api().patch("/config", {"maxConcurrentPositions": 4}, headers=key).status_code == 200
    envelope.check(
        stack.api().patch("/config", {"maxConcurrentPositions": 5}, headers=key), 422, "idempotency_conflict"
    )
    assert stack.api().read("/config")["maxConcurrentPositions"] == 4


def test_another_actor_with_the_same_key_has_a_command_of_his_own(stack: Stack, key: dict[str, str]):
    first = stack.api("operator").do("/kill", headers=key)
    second = stack.api("operator2").do("/kill", headers=key)

    assert first["commandId"] != second["commandId"]
    assert rows(stack, key) == 2


@pytest.mark.parametrize("value", ["", "two words", "x" * 201, "schlüssel"])
def test_a_key_that_is_none_is_refused(stack: Stack, value: str):
    before = len(stack.commands())
    refused = envelope.check(
        stack.api().post("/start", headers={"Idempotency-Key": value.encode("latin-1")}), 422, "validation"
    )
    assert "Idempotency-Key" in refused["details"]["fields"]
    assert len(stack.commands()) == before
