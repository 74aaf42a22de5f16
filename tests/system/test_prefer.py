"""Prefer: how long an answer waits for the outcome."""

import threading
import time

import pytest

from tests.support.stack import Stack


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async, wait=5", "wait=0"])
def test_respond_async_does_not_wait(stack: Stack, prefer: str):
    stack.worker.freeze()
    response = stack.api().post("/reconcile", headers={"Prefer": prefer})

    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert response.headers["Preference-Applied"] == ("wait=0" if prefer == "wait=0" else "respond-async")
    assert response.headers["Location"] == f"/api/bot/commands/{response.json()['commandId']}"
    stack.worker.thaw()
    assert stack.wait_finished(response.json()["commandId"])["status"] == "applied"


def test_wait_says_how_long(stack: Stack):
    stack.worker.freeze()
    began = time.monotonic()
    response = stack.api().post("/start", headers={"Prefer": "wait=3"})
    assert time.monotonic() - began > 2.9, "more than the 2 s for which it waits otherwise"
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "wait=3"


def test_a_wait_ends_with_the_outcome(stack: Stack):
    stack.worker.freeze()
    began = time.monotonic()
    threading.Timer(2.5, stack.worker.thaw).start()
    response = stack.api().post("/start", headers={"Prefer": "wait=10"})
    assert (response.status_code, response.json()["state"]) == (200, "running")
    assert time.monotonic() - began > 2.4, "more than the 2 s for which it waits otherwise"


def test_nobody_waits_longer_than_ten_seconds(stack: Stack):
    response = stack.api().post("/start", headers={"Prefer": "wait=3600"})
    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "wait=10"


@pytest.mark.parametrize(
    "prefer", ["", "wait", "wait=", "wait=-1", "wait=soon", "return=minimal", ";;,,=", "wait=1e9"]
)
def test_what_is_not_understood_is_ignored(stack: Stack, prefer: str):
    response = stack.api().post("/start", headers={"Prefer": prefer})
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers
