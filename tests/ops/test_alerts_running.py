"""Alerts of the real system: whoever lives delivers, and a receiver that hangs delays nobody."""

import statistics
import time
from collections.abc import Iterator

import pytest

from tests.support.fixtures import StackFactory
from tests.support.receiver import Receiver
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def module_receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def running(make_module_stack: StackFactory, module_receiver: Receiver) -> Stack:
    return make_module_stack(
        ALERT_WEBHOOK_URL=module_receiver.url, ALERT_WEBHOOK_SECRET=module_receiver.secret
    ).start()


@pytest.fixture
def stack(running: Stack) -> Stack:
    return running


@pytest.fixture
def receiver(module_receiver: Receiver) -> Receiver:
    return module_receiver


def told(receiver: Receiver, kind: str) -> int:
    return receiver.kinds.count(kind)


def test_a_stop_and_a_failed_reconciliation_are_told_once_each_with_worker_and_web_alive(
    stack: Stack, receiver: Receiver
) -> None:
    stack.wait_accepting()
    stack.api().do("/start")
    stack.api().do("/stop", {"reason": "lunch"})
    stack.wait_for(lambda: told(receiver, "stopped"), 5, "the stop is told")

    stack.broker.faults({"kind": "500"})
    stack.api().post("/reconcile")
    stack.wait_for(lambda: told(receiver, "reconciliation_failed"), 15, "the failure is told")
    stack.broker.heal()
    stack.wait_for(lambda: told(receiver, "reconciled"), 30, "the recovery is told")

    time.sleep(2)
    ids = [alert["id"] for alert in receiver.taken]
    assert len(ids) == len(set(ids))
    assert receiver.kinds == ["started", "stopped", "reconciliation_failed", "reconciled"]
    assert all(request.signed for request in receiver.requests)


def test_a_receiver_that_hangs_delays_no_command(stack: Stack, receiver: Receiver) -> None:
    api = stack.api()

    def kill_ms(number: int = 30) -> list[float]:
        times = []
        for _ in range(number):
            began = time.perf_counter()
            api.do("/kill")
            times.append((time.perf_counter() - began) * 1000)
        return times

    kill_ms(10)
    quick = kill_ms()
    receiver.behave(wait_sec=30)
    api.do("/kill")
    before = len(receiver.requests)
    stack.wait_for(lambda: len(receiver.requests) > before, 5, "a delivery hangs")
    hanging = kill_ms()
    began = time.perf_counter()
    api.do("/rearm")
    api.do("/start")
    api.do("/stop")
    through_the_queue = (time.perf_counter() - began) / 3 * 1000

    print(
        f"\nkill: p50 {statistics.median(quick):.1f} ms, most {max(quick):.1f} ms;"
        f" while the receiver hangs: p50 {statistics.median(hanging):.1f} ms, most {max(hanging):.1f} ms;"
        f" through the queue {through_the_queue:.1f} ms each"
    )
    assert statistics.median(hanging) < 2 * statistics.median(quick) + 5
    assert max(hanging) < 1000
    assert through_the_queue < 1000
    receiver.behave()
    stack.wait_for(
        lambda: stack.sql("SELECT count(*) AS n FROM bot_alert WHERE status <> 'delivered'")[0]["n"] == 0,
        30,
        "all are told when the receiver answers again",
    )
    assert told(receiver, "killed") >= 71


def test_web_notices_that_the_worker_is_gone_and_tells_it_and_a_kill_and_then_its_return(
    stack: Stack, receiver: Receiver
) -> None:
    stack.worker.kill()
    kills = told(receiver, "killed")
    began = time.monotonic()
    stack.api().do("/kill", {"reason": "no worker"})
    stack.wait_for(lambda: told(receiver, "killed") > kills, 15, "web tells of the kill")
    print(f"\ntold by web after {time.monotonic() - began:.1f} s")

    # what would take half a minute
    stack.sql("UPDATE bot_worker SET last_seen_at = last_seen_at - interval '1 minute'")
    stack.wait_for(lambda: stack.sql("SELECT 1 FROM bot_condition WHERE name = 'worker_gone'"), 5, "noticed")
    stack.sql("UPDATE bot_condition SET since = since - interval '1 minute'")
    stack.wait_for(lambda: told(receiver, "worker_gone"), 15, "web tells of the worker")
    stack.start_worker()
    stack.wait_for(lambda: told(receiver, "worker_back"), 15, "its return is told")

    time.sleep(1)
    assert told(receiver, "worker_gone") == told(receiver, "worker_back") == 1


def test_the_secret_and_the_address_are_in_no_log(stack: Stack, receiver: Receiver) -> None:
    logs = stack.logs(whole=True)
    assert receiver.secret not in logs
    assert receiver.url not in logs
    assert "secret-path-of-the-tests" not in logs
