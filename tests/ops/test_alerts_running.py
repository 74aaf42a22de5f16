"""Alerts of the real system: whoever lives delivers, and a receiver that hangs delays nobody."""

import time
from collections.abc import Iterator

import pytest

from bot.alerts.delivery import LOOK_SEC
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


def all_are_told(stack: Stack) -> None:
    untold = "SELECT 1 FROM bot_alert WHERE status <> 'delivered'"
    stack.wait_for(lambda: not stack.sql(untold), 30, "all are told when the receiver answers")


def a_look_later() -> None:
    """Nobody can wait for what must not come: by now, whoever delivers has looked once more."""
    time.sleep(LOOK_SEC + 0.2)


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

    a_look_later()
    ids = [alert["id"] for alert in receiver.taken]
    assert len(ids) == len(set(ids))
    assert receiver.kinds == ["started", "stopped", "reconciliation_failed", "reconciled"]
    assert all(request.signed for request in receiver.requests)


def test_a_receiver_that_hangs_delays_no_command(stack: Stack, receiver: Receiver) -> None:
    api = stack.api()

    def before_its_own_delivery_ends() -> bool:
        receiver.behave()
        all_are_told(stack)
        receiver.behave(hangs=True)
        earlier = len(receiver.requests)
        api.do("/kill")
        return all(delivery.open for delivery in receiver.requests[earlier:])

    def while_one_hangs(method: str, path: str, body: dict[str, int] | None = None) -> bool:
        """Whether one and the same delivery hung before the command was sent and after it was answered."""
        delivery = receiver.requests[-1]
        if not delivery.open:  # given up; the next one comes
            return False
        assert api.request(method, path, json=body).status_code == 200
        return delivery.open

    stack.wait_for(before_its_own_delivery_ends, 30, "a kill is answered before it is told")
    stack.wait_for(lambda: while_one_hangs("POST", "/kill"), 30, "a kill passes what hangs")
    positions = {"maxConcurrentPositions": 7}
    stack.wait_for(
        lambda: while_one_hangs("PATCH", "/config", positions), 30, "so does what the worker applies"
    )
    receiver.behave()
    all_are_told(stack)
    assert told(receiver, "killed") >= sum(command["kind"] == "kill" for command in stack.commands()) >= 2


def test_web_notices_that_the_worker_is_gone_and_tells_it_and_a_kill_and_then_its_return(
    stack: Stack, receiver: Receiver
) -> None:
    stack.worker.kill()
    kills = told(receiver, "killed")
    stack.api().do("/kill", {"reason": "no worker"})
    stack.wait_for(lambda: told(receiver, "killed") > kills, 15, "web tells of the kill")

    # what would take half a minute
    stack.sql("UPDATE bot_worker SET last_seen_at = last_seen_at - interval '1 minute'")
    stack.wait_for(lambda: stack.sql("SELECT 1 FROM bot_condition WHERE name = 'worker_gone'"), 5, "noticed")
    stack.sql("UPDATE bot_condition SET since = since - interval '1 minute'")
    stack.wait_for(lambda: told(receiver, "worker_gone"), 15, "web tells of the worker")
    stack.start_worker()
    stack.wait_for(lambda: told(receiver, "worker_back"), 15, "its return is told")

    a_look_later()
    assert told(receiver, "worker_gone") == told(receiver, "worker_back") == 1


def test_the_secret_and_the_address_are_in_no_log(stack: Stack, receiver: Receiver) -> None:
    logs = stack.logs(whole=True)
    assert receiver.secret not in logs
    assert receiver.url not in logs
    assert "secret-path-of-the-tests" not in logs
