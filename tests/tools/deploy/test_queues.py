"""The queue is not always one Redis: the same holds with RabbitMQ, with Sentinels and over TLS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import PreconditionFailed
from kombu import Connection

from bot.settings.queue import ANSWER_SEC
from launcher.reaper import Guard
from tests.support.fixtures import StackFactory
from tests.support.stack import Stack
from tests.tools.deploy.queues import OnRabbitMq, OnRabbitMqTls, OnRedisTls, OnSentinels, Queue

pytestmark = [pytest.mark.first, pytest.mark.timeout(300)]

ASYNC = {"Prefer": "respond-async"}


def on(*queues: Any) -> pytest.MarkDecorator:
    """Run a test on each of these queues."""
    return pytest.mark.parametrize("_system", queues, indirect=True, scope="module")


#: What the connection takes part in holds on every one.
ON_EACH = on(OnRabbitMq, OnRabbitMqTls, OnSentinels, OnRedisTls)
#: What RabbitMQ does with its messages it does over TLS, too: the same proof once more is part of a release.
_AGAIN_OVER_TLS = pytest.param(OnRabbitMqTls, marks=pytest.mark.long)
ON_EACH_KIND = on(OnRabbitMq, _AGAIN_OVER_TLS, OnSentinels, OnRedisTls)
ON_RABBITMQ = on(OnRabbitMq, _AGAIN_OVER_TLS)
ON_SENTINELS = on(OnSentinels)


@dataclass
class System:
    """A Pitboss and the queue it runs on."""

    stack: Stack
    queue: Queue

    def heard(self) -> bool:
        """Whether a new command's message reached the worker; the sweep applies it in any case."""
        before = self.stack.worker.log().count("Task bot.update_config")
        assert self.stack.api().patch("/config", {"maxConcurrentPositions": 6}).status_code == 200
        return self.stack.worker.log().count("Task bot.update_config") > before

    def was_told(self, command_id: str) -> bool:
        return command_id in self.stack.worker.log()

    def queue_state(self) -> str:
        return str(self.stack.api(None).get("//readyz").json()["redis"])


@pytest.fixture(scope="module")
def _system(
    request: pytest.FixtureRequest, server_dir: Path, guard: Guard, make_module_stack: StackFactory
) -> Iterator[System]:
    queue: Queue = request.param(server_dir / f"queue-{request.param.__name__}", guard)
    try:
        queue.start()
        stack = make_module_stack(**queue.env)
        stack.start_sandbox()
        stack.start_web(wait=False)
        stack.start_worker(wait=False)
        stack.wait_ready()
        yield System(stack, queue)
        logs = stack.logs(whole=True)
        assert not [secret for secret in queue.secrets if secret in logs], "a password is in the logs"
    finally:
        queue.close()


@pytest.fixture
def system(_system: System) -> System:
    """All of it running; the bot is stopped and not killed."""
    _system.queue.thaw()
    _system.queue.start()
    _system.stack.web.thaw()
    if not _system.stack.worker.running:
        _system.stack.start_worker()
    _system.stack.api().do("/kill")
    _system.stack.api().do("/rearm")
    _system.stack.wait_for(_system.heard, 30, "messages reach the worker")
    return _system


@ON_EACH
def test_every_command_is_applied_and_its_message_arrives(system: System) -> None:
    operator = system.stack.api()
    for path, state in [
        ("/start", "running"),
        ("/pause", "paused"),
        ("/resume", "running"),
        ("/stop", "stopped"),
    ]:
        command = operator.do(path)
        assert command["state"] == state
        system.stack.wait_for(partial(system.was_told, command["commandId"]), 5, "its message arrives")
    assert operator.do("/kill")["state"] == "stopped"
    assert operator.do("/reconcile", headers={"Prefer": "wait=10"})["reconciliation"]["outcome"] == "ok"
    assert system.queue_state() == "ok"


@ON_EACH
def test_a_command_sent_by_hand_is_applied_and_gives_its_outcome_back(system: System) -> None:
    script = "from worker import app; print(app.send_task('bot.start', kwargs={'reason': 'by hand'}).get(timeout=15)['state'])"
    assert system.stack.python(script).strip() == "running"
    [row] = system.stack.sql("SELECT source, status, reason FROM bot_command ORDER BY seq DESC LIMIT 1")
    assert (row["source"], row["status"], row["reason"]) == ("celery", "applied", "by hand")


@ON_EACH
def test_without_the_queue_every_command_is_applied_and_web_finds_it_again(system: System) -> None:
    operator = system.stack.api()
    operator.do("/start")
    system.queue.kill()
    took = []
    for path, state in (("/pause", "paused"), ("/resume", "running"), ("/stop", "stopped")):
        began = time.monotonic()
        assert operator.do(path)["state"] == state
        took.append(time.monotonic() - began)
    assert min(took) < ANSWER_SEC, "each has waited for the queue"
    system.stack.wait_for(lambda: system.queue_state() != "ok", 15, "readyz names the trouble")
    assert operator.do("/kill")["state"] == "stopped"

    system.queue.start()
    system.stack.wait_for(lambda: system.queue_state() == "ok", 30, "web has found the queue again")
    system.stack.wait_for(system.heard, 45, "the worker has found it, too")


@ON_EACH
def test_a_frozen_queue_delays_no_command(system: System) -> None:
    operator = system.stack.api()
    system.queue.freeze()
    try:
        took = []
        for path in ("/start", "/pause", "/stop", "/kill"):
            began = time.monotonic()
            operator.do(path)
            took.append(time.monotonic() - began)
        # a busy machine makes one slow, but whoever waited for an answer of the queue would have waited for each
        assert min(took[:3]) < ANSWER_SEC, took
        # who sends the messages is held up, but not for ever
        system.stack.wait_for(lambda: system.queue_state() != "ok", 15, "readyz names the trouble")
    finally:
        system.queue.thaw()
    system.stack.wait_for(lambda: system.queue_state() == "ok", 30, "web has found the queue again")


@ON_EACH_KIND
def test_what_was_accepted_without_a_worker_is_applied_when_one_starts(system: System) -> None:
    system.stack.worker.kill()
    accepted = [
        system.stack.api().post(path, headers=ASYNC).json()["commandId"]
        for path in ("/start", "/reconcile", "/rearm")
    ]
    system.stack.start_worker()
    rows = [system.stack.wait_finished(command_id, 15) for command_id in accepted]
    assert [row["status"] for row in rows] == ["applied", "applied", "rejected"]


@ON_EACH_KIND
def test_a_child_that_dies_costs_no_command(system: System) -> None:
    for path, state in (("/start", "running"), ("/pause", "paused"), ("/resume", "running")):
        system.stack.worker.kill_child()
        assert system.stack.api().do(path)["state"] == state


@ON_EACH_KIND
def test_the_worker_ends_in_good_order(system: System) -> None:
    system.stack.worker.kill()
    system.stack.start_worker()
    assert system.stack.api().do("/start")["state"] == "running"
    assert system.stack.worker.terminate() == 0


@ON_RABBITMQ
def test_rabbitmq_keeps_the_messages_in_a_quorum_queue(system: System) -> None:
    assert isinstance(system.queue, OnRabbitMq)
    tls = {"ca_certs": ca} if (ca := system.queue.env.get("QUEUE_TLS_CA")) else False
    with Connection(system.queue.server.url, ssl=tls) as connection:
        channel: Any = connection.channel()
        channel.queue_declare("celery", passive=True)  # it is there
        # one of another kind could not be declared as this one
        channel.queue_declare("celery", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        with pytest.raises(PreconditionFailed, match="x-queue-type"):
            channel.queue_declare("celery", durable=True, auto_delete=False)


@ON_SENTINELS
def test_when_the_watched_redis_dies_both_find_the_one_that_takes_over(system: System) -> None:
    assert isinstance(system.queue, OnSentinels)
    operator, servers = system.stack.api(), system.queue.servers
    dead = servers.kill_primary()
    for path in ("/start", "/pause", "/resume", "/stop"):
        operator.do(path)
    system.stack.wait_for(lambda: servers.primary() is not dead, 30, "the replica takes over")
    system.stack.wait_for(lambda: system.queue_state() == "ok", 30, "web has found it")
    system.stack.wait_for(system.heard, 45, "the worker has found it")


@ON_SENTINELS
def test_a_watched_redis_whose_replica_is_gone_refuses_and_is_used_again_when_it_is_back(
    system: System,
) -> None:
    assert isinstance(system.queue, OnSentinels)
    primary = system.queue.servers.primary()
    [replica] = [server for server in system.queue.servers.servers if server is not primary]
    with primary.client() as client:
        client.config_set("min-replicas-to-write", 1)
        replica.process.kill()
        try:
            system.stack.wait_for(lambda: "NOREPLICAS" in system.queue_state(), 20, "readyz says why")
            assert system.stack.api().do("/start")["state"] == "running"
            assert system.stack.worker.running
            replica.start()
            system.stack.wait_for(lambda: system.queue_state() == "ok", 30, "web has found it again")
            system.stack.wait_for(system.heard, 45, "the worker has found it again")
        finally:
            replica.start()
            client.config_set("min-replicas-to-write", 0)


@ON_RABBITMQ
def test_a_rabbitmq_under_its_memory_alarm_refuses_and_is_used_again_afterwards(system: System) -> None:
    assert isinstance(system.queue, OnRabbitMq)
    system.queue.server.control("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        system.stack.wait_for(lambda: system.queue_state() != "ok", 20, "readyz names the trouble")
        for path, state in (("/start", "running"), ("/stop", "stopped")):
            assert system.stack.api().do(path)["state"] == state
        assert system.stack.worker.running
    finally:
        system.queue.server.control("set_vm_memory_high_watermark", "0.6")
    system.stack.wait_for(lambda: system.queue_state() == "ok", 30, "web has found it again")
    system.stack.wait_for(system.heard, 45, "the worker reads as before")
