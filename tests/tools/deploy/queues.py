"""The queues that Pitboss runs on, under one roof: what to set, and how to break them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from launcher.reaper import Guard
from tests.support.process import Process
from tests.tools.deploy import certificates
from tests.tools.deploy.rabbitmq import RabbitMq
from tests.tools.deploy.redis_servers import Redis, Watched


class Queue:
    env: Mapping[str, str]  # settings in place of those of the tests' own Valkey
    secrets: list[str]  # what must not be in a log
    start: Callable[[], None]
    kill: Callable[[], None]
    freeze: Callable[[], None]
    thaw: Callable[[], None]
    close: Callable[[], None]


class OnRabbitMq(Queue):
    """RabbitMQ alone: there is no Redis at all."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        self.server = RabbitMq(directory / "rabbitmq", guard)
        self.env = {"QUEUE_URL": self.server.url, "REDIS_URL": ""}
        self.secrets = [self.server.password]
        self.start, self.kill = self.server.start, self.server.kill
        self.freeze, self.thaw, self.close = self.server.freeze, self.server.thaw, self.server.close


class OnRabbitMqTls(OnRabbitMq):
    """The same, over TLS."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        made = certificates.make(directory / "certificates")
        self.server = RabbitMq(directory / "rabbitmq", guard, tls=made)
        self.env = {"QUEUE_URL": self.server.url, "REDIS_URL": "", "QUEUE_TLS_CA": str(made.authority)}
        self.secrets = [self.server.password]
        self.start, self.kill = self.server.start, self.server.kill
        self.freeze, self.thaw, self.close = self.server.freeze, self.server.thaw, self.server.close


class OnRedisTls(Queue):
    """One Redis over TLS."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        made = certificates.make(directory / "certificates")
        self.server = Redis(directory / "redis", guard, password="a-password-of-the-tests", tls=made)
        self.env = {"REDIS_URL": self.server.url, "QUEUE_TLS_CA": str(made.authority)}
        self.secrets = [self.server.password]
        self.start, self.kill = self.server.start, self.server.process.kill
        self.freeze, self.thaw = self.server.process.freeze, self.server.process.thaw
        self.close = self.server.process.close


class OnSentinels(Queue):
    """Two Redis servers and three Sentinels."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        self.servers = Watched(directory / "watched", guard)
        self.env = {
            "REDIS_URL": self.servers.url,
            "REDIS_SENTINEL_PASSWORD": self.servers.sentinel_password,
        }
        self.secrets = [self.servers.password, self.servers.sentinel_password]
        processes = self.servers.processes()
        self.start = self.servers.start
        self.kill = lambda: _each(processes, Process.kill)
        self.freeze = lambda: _each(processes, Process.freeze)
        self.thaw = lambda: _each(processes, Process.thaw)
        self.close = lambda: _each(processes, Process.close)


def _each(processes: list[Process], do: Callable[[Process], None]) -> None:
    for process in processes:
        do(process)
