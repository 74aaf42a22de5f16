"""A worker that was told to take no messages is named, though Celery says OK."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.fixtures import StackFactory
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    return make_module_stack().start()


def worker_state(stack: Stack) -> str:
    return str(stack.api(None).get("//readyz").json()["worker"])


@pytest.mark.parametrize(
    ("order", "undo", "why"),
    [
        (["cancel_consumer", "halts"], ["add_consumer", "halts"], "it was told not to read halts"),
        (["pool_shrink", "1"], ["pool_grow", "1"], "its pool was shrunk to no process"),
    ],
)
def test_it_is_named_by_readyz_and_counted(
    stack: Stack, order: Sequence[str], undo: Sequence[str], why: str
) -> None:
    assert worker_state(stack) == "ok"
    stack.call("control", *order)
    stack.wait_for(lambda: why in worker_state(stack), 10, "readyz says so")
    assert "pitboss_workers_deaf 1.0" in stack.api("viewer").get("//metrics").text
    assert stack.api().do("/reconcile", headers={"Prefer": "wait=10"})["status"] == "applied"
    stack.call("control", *undo)
    stack.wait_for(lambda: worker_state(stack) == "ok", 10, "it reads again")
