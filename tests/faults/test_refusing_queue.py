"""A Redis that is up and refuses to write is as good as one that is away: nothing ends, nothing is lost, and it is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.support.fixtures import StackFactory
from tests.support.messages import Messages
from tests.support.ports import free as free_port
from tests.support.stack import Stack

NO_REPLICA, NO_MEMORY, READ_ONLY = "no replica", "no memory", "read-only"
WORD = {NO_REPLICA: "NOREPLICAS", NO_MEMORY: "command not allowed when used memory", READ_ONLY: "read only"}


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    return make_module_stack().start()


@contextmanager
def refusing(stack: Stack, why: str) -> Iterator[None]:
    """Let Redis refuse to write while this lasts."""
    with redis.Redis.from_url(stack.redis.url) as client:
        try:
            if why == READ_ONLY:
                client.replicaof("127.0.0.1", str(free_port()))
            else:
                client.config_set(*(("min-replicas-to-write", 1) if why == NO_REPLICA else ("maxmemory", 1)))
            yield
        finally:
            client.replicaof("NO", "ONE")
            client.config_set("min-replicas-to-write", 0)
            client.config_set("maxmemory", 0)


def readyz(stack: Stack) -> str:
    answer = stack.api(None).get("//readyz")
    assert answer.status_code == 200, "kill has to stay reachable"
    return str(answer.json()["redis"])


def says(stack: Stack, words: str) -> bool:
    # either process of web may answer
    return all(words in readyz(stack) for _ in range(6))


def knowing(stack: Stack) -> int:
    """How many of web's two processes have found that messages are refused."""
    log = stack.web.log(whole=True)
    return log.count("the queue does not take messages") - log.count("the queue takes messages again")


def hears(stack: Stack) -> bool:
    """Whether a manual command reaches the worker, which nothing but its message can tell it."""
    task_id = Messages(stack.redis.url).send("update_config", maxConcurrentPositions=5)
    return stack.wait_finished(task_id, 15)["status"] == "applied"


@pytest.mark.parametrize("why", [NO_REPLICA, NO_MEMORY, READ_ONLY])
def test_the_worker_lives_on_and_web_says_what_is_wrong_until_a_message_was_taken_again(
    stack: Stack, why: str
):
    with refusing(stack, why):
        stack.wait_for(lambda: knowing(stack) == 2, 15, "web finds it, though nobody sent anything")
        assert says(stack, "refuses messages")
        assert WORD[why] in readyz(stack)
        assert "pitboss_queue_up 0.0" in stack.api("viewer").get("//metrics").text
        operator = stack.api()
        assert operator.do("/start")["state"] == "running"
        assert operator.do("/reconcile", headers={"Prefer": "wait=10"})["reconciliation"]["outcome"] == "ok"
        assert operator.do("/stop")["state"] == "stopped"
        assert stack.worker.running
        assert stack.status()["worker"]["online"] is True
        assert says(stack, "refuses messages"), "an answer to a ping is no message"
    stack.wait_for(lambda: knowing(stack) == 0, 15, "web has found that it takes messages")
    assert says(stack, "ok")
    assert hears(stack), "the worker reads its queue again by itself"
    assert stack.worker.running


def test_a_worker_that_is_refused_pauses_between_its_tries(stack: Stack):
    tries = "Cannot connect to"
    with refusing(stack, NO_REPLICA):
        stack.wait_for(lambda: tries in stack.worker.log(), 15, "it tries")
        before = stack.worker.log(whole=True).count(tries)
        stack.wait_for(lambda: stack.worker.log(whole=True).count(tries) >= before + 2, 15, "and again")
        times = [line for line in stack.worker.log(whole=True).splitlines() if tries in line][-2:]
        first, second = (float(line.split('"timestamp": "')[1][17:26]) for line in times)
        assert (second - first) % 60 > 1.5
    assert hears(stack)


def test_a_worker_that_is_refused_ends_when_it_is_told_to(stack: Stack):
    with refusing(stack, READ_ONLY):
        stack.wait_for(lambda: "the queue refuses" in stack.worker.log(), 15, "it is refused")
        assert stack.worker.terminate() == 0
    stack.start_worker()


def test_a_manual_command_that_was_taken_off_a_queue_without_memory_is_applied(stack: Stack):
    messages = Messages(stack.redis.url)
    stack.worker.freeze()
    sent = messages.send("update_config", maxConcurrentPositions=4)
    with refusing(stack, NO_MEMORY):
        stack.worker.thaw()
        assert stack.wait_finished(sent, 10)["status"] == "applied"
    assert stack.worker.running


@pytest.mark.parametrize("why", [NO_REPLICA, READ_ONLY])
def test_a_manual_command_waits_in_a_queue_that_refuses_to_give_it_out(stack: Stack, why: str):
    messages = Messages(stack.redis.url)
    stack.worker.freeze()
    sent = messages.send("update_config", maxConcurrentPositions=3)
    with refusing(stack, why):
        stack.worker.thaw()
        stack.wait_for(lambda: says(stack, "refuses messages"), 15, "readyz says so")
    assert stack.wait_finished(sent, 15)["status"] == "applied"
