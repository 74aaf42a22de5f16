"""No Redis: the log decides, Celery only delivers."""

import signal
import time

import pytest

from tests.support.fixtures import StackFactory
from tests.support.freezing import freeze
from tests.support.messages import Messages
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def _stack(make_module_stack: StackFactory) -> Stack:
    return make_module_stack().start()


@pytest.fixture
def redisless(_stack: Stack) -> Stack:
    """A running bot whose Redis is dead."""
    if not _stack.worker.running:
        _stack.start_redis()
        _stack.start_worker()
    _stack.redis.kill()
    _stack.api().do("/kill")
    _stack.api().do("/rearm")
    _stack.api().do("/start")
    return _stack


@pytest.mark.parametrize("prefer", ["wait=10", "respond-async"])
@pytest.mark.parametrize(("kind", "state"), [("stop", "stopped"), ("pause", "paused")])
def test_stop_and_pause_are_applied_without_redis(redisless: Stack, kind: str, state: str, prefer: str):
    response = redisless.api().post(f"/{kind}", headers={"Prefer": prefer})
    if prefer == "respond-async":
        redisless.wait_finished(response.json()["commandId"])
    else:
        assert (response.status_code, response.json()["state"]) == (200, state)
    assert redisless.config()["state"] == state


def test_every_other_command_is_applied_by_the_sweep(redisless: Stack):
    operator = redisless.api()
    operator.do("/pause")
    assert operator.do("/resume")["state"] == "running"
    assert (
        operator.patch("/config", {"maxConcurrentPositions": 5}, headers={"Prefer": "wait=10"}).status_code
        == 200
    )
    assert operator.do("/reconcile", headers={"Prefer": "wait=10"})["reconciliation"]["outcome"] == "ok"


def test_web_stays_ready_and_names_the_trouble(redisless: Stack):
    def trouble() -> bool:
        ready = redisless.api(None).get("//readyz")
        assert ready.status_code == 200
        return str(ready.json()["redis"]).startswith("unreachable")

    redisless.wait_for(trouble, 5, "readyz names Redis")
    assert redisless.api(None).get("//readyz").json()["postgres"] == "ok"
    assert redisless.status()["worker"]["online"] is True


def test_a_kill_needs_neither_redis_nor_a_worker(redisless: Stack):
    redisless.worker.kill()
    assert redisless.api().do("/kill", {"reason": "alone"})["state"] == "stopped"
    assert redisless.status()["killed"] is True


def test_stop_needs_neither_redis_nor_a_worker(redisless: Stack):
    redisless.worker.kill()
    assert redisless.api().do("/stop")["state"] == "stopped"


def test_a_worker_that_starts_without_redis_sweeps_all_the_same(redisless: Stack):
    redisless.worker.kill()
    redisless.start_worker(wait=False)
    command_id = redisless.api().post("/reconcile", headers={"Prefer": "respond-async"}).json()["commandId"]
    try:
        redisless.wait_finished(command_id, 20)
    finally:
        redisless.worker.kill()


def test_redis_that_comes_back_empty_is_used_again(redisless: Stack):
    redisless.redis.start()
    Messages(redisless.redis.url).lose()
    redisless.wait_for(
        lambda: redisless.api(None).get("//readyz").json()["redis"] == "ok", 10, "web has found Redis again"
    )
    seen = "Task bot.update_config"
    redisless.wait_for(
        lambda: (
            redisless.api().patch("/config", {"maxConcurrentPositions": 6}).status_code == 200
            and seen in redisless.worker.log()
        ),
        15,
        "the worker has found Redis again",
    )


def test_a_frozen_redis_delays_no_command(redisless: Stack):
    redisless.redis.start()
    freeze([redisless.redis.process.pid])
    try:
        began = time.monotonic()
        for _ in range(10):
            accepted = redisless.api().post("/reconcile", headers={"Prefer": "respond-async"})
            assert accepted.status_code == 202
        assert time.monotonic() - began < 15, (
            "each would wait for two seconds and more until Redis is given up"
        )
        assert redisless.api().do("/stop")["state"] == "stopped"
        assert redisless.api().do("/kill")["state"] == "stopped"
    finally:
        redisless.redis.process.send(signal.SIGCONT)
