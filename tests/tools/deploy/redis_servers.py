"""Redis from Debian's packages: alone with TLS, or two of them watched by three Sentinels."""

import secrets
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from launcher.reaper import Guard
from tests.support import ports
from tests.support.process import Process
from tests.support.waiting import wait_for
from tests.tools.deploy import optional
from tests.tools.deploy.certificates import Certificates

HOST = "127.0.0.1"
MASTER = "pitboss"


class Redis:
    """One server."""

    def __init__(
        self,
        directory: Path,
        guard: Guard,
        *,
        password: str,
        tls: Certificates | None = None,
        replica_of: int = 0,
    ) -> None:
        directory.mkdir(parents=True)
        self.port = ports.free()
        self.password = password
        self._tls = tls
        lines = [
            f"bind {HOST}",
            f"{'tls-port' if tls else 'port'} {self.port}",
            f"requirepass {password}",
            f"masterauth {password}",
            "appendonly yes",
            'save ""',
            "maxmemory-policy noeviction",
            f"dir {directory}",
        ]
        if tls:
            lines += [
                "port 0",
                f"tls-cert-file {tls.certificate}",
                f"tls-key-file {tls.key}",
                f"tls-ca-cert-file {tls.authority}",
                "tls-auth-clients no",
            ]
        if replica_of:
            lines.append(f"replicaof {HOST} {replica_of}")
        file = directory / "redis.conf"
        file.write_text("\n".join(lines) + "\n")
        program = optional.program("redis-server", "redis-server")
        self.process = Process(
            f"redis-{self.port}",
            [program, str(file)],
            env={},
            cwd=directory,
            log=directory / "log",
            guard=guard,
        )

    @property
    def url(self) -> str:
        return f"{'rediss' if self._tls else 'redis'}://:{self.password}@{HOST}:{self.port}/0"

    def client(self) -> redis.Redis:
        options = {"ssl_ca_certs": str(self._tls.authority)} if self._tls else {}
        return redis.Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0), **options)

    def start(self) -> None:
        if not self.process.running:
            self.process.start()
        wait_for(self._answers, 20, "Redis answers", evidence=self.process.log)

    def role(self) -> str:
        with self.client() as client:
            return str(client.info("replication")["role"])

    def in_step(self) -> bool:
        with self.client() as client:
            return client.info("replication").get("master_link_status", "up") == "up"

    def _answers(self) -> bool:
        with self.client() as client:
            return bool(client.ping())


class Watched:
    """A primary and its replica, and three Sentinels, two of which must agree before the replica takes over."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        self.password, self.sentinel_password = secrets.token_hex(16), secrets.token_hex(16)
        first = Redis(directory / "first", guard, password=self.password)
        second = Redis(directory / "second", guard, password=self.password, replica_of=first.port)
        self.servers = [first, second]
        self._ports = [ports.free() for _ in range(3)]
        self.sentinels = [self._sentinel(directory / f"sentinel-{port}", port, guard) for port in self._ports]

    @property
    def url(self) -> str:
        hosts = ",".join(f"{HOST}:{port}" for port in self._ports)
        return f"sentinel://:{self.password}@{hosts}/0?master={MASTER}"

    def start(self) -> None:
        for server in self.servers:
            server.start()
        wait_for(lambda: all(server.in_step() for server in self.servers), 20, "the replica follows")
        for port, sentinel in zip(self._ports, self.sentinels, strict=True):
            # one that was frozen distrusts its clock for 30 s, and does nothing meanwhile; one that is new trusts it
            if sentinel.running and self._sentinel_info(port)["sentinel_tilt"]:
                sentinel.kill()
            if not sentinel.running:
                sentinel.start()
        wait_for(
            lambda: all(self._knows_all(port) for port in self._ports), 60, "the Sentinels know each other"
        )

    def primary(self) -> Redis:
        """The one that is; one that comes back takes itself for it, too, until a Sentinel has told it otherwise."""

        def only() -> Redis | None:
            found = [each for each in self.servers if each.process.running and each.role() == "master"]
            return found[0] if len(found) == 1 else None

        found = wait_for(only, 60, "there is one primary")
        assert found is not None
        return found

    def kill_primary(self) -> Redis:
        """Returns who it was."""
        primary = self.primary()
        primary.process.kill()
        return primary

    def processes(self) -> list[Process]:
        return [*self.sentinels, *(server.process for server in self.servers)]

    def _sentinel(self, directory: Path, port: int, guard: Guard) -> Process:
        directory.mkdir(parents=True)
        file = directory / "sentinel.conf"
        file.write_text(
            f"bind {HOST}\nport {port}\nrequirepass {self.sentinel_password}\ndir {directory}\n"
            f"sentinel sentinel-pass {self.sentinel_password}\n"
            f"sentinel monitor {MASTER} {HOST} {self.servers[0].port} 2\n"
            f"sentinel auth-pass {MASTER} {self.password}\n"
            f"sentinel down-after-milliseconds {MASTER} 1000\n"
            f"sentinel failover-timeout {MASTER} 5000\n"
        )
        program = optional.program("redis-sentinel", "redis-sentinel")
        return Process(
            f"sentinel-{port}",
            [program, str(file)],
            env={},
            cwd=directory,
            log=directory / "log",
            guard=guard,
        )

    def _ask(self, port: int) -> redis.Redis:
        return redis.Redis(host=HOST, port=port, password=self.sentinel_password, socket_timeout=5)

    def _sentinel_info(self, port: int) -> dict[str, Any]:
        with self._ask(port) as client:
            found: dict[str, Any] = client.info("sentinel")
            return found

    def _knows_all(self, port: int) -> bool:
        with self._ask(port) as client:
            state = client.execute_command("SENTINEL", "MASTER", MASTER)
            known = dict(zip(state[::2], state[1::2], strict=True)) if isinstance(state, list) else state
            number = {
                (k.decode() if isinstance(k, bytes) else k): int(v) for k, v in known.items() if _is_number(v)
            }
            trusts = client.info("sentinel")["sentinel_tilt"] == 0
            return trusts and number["num-other-sentinels"] == 2 and number["num-slaves"] == 1


def _is_number(value: object) -> bool:
    return str(value.decode() if isinstance(value, bytes) else value).isdigit()
