"""A RabbitMQ of Debian's package, on loopback, with its data in one directory."""

import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

from launcher.reaper import Guard
from tests.support import ports
from tests.support.process import Process
from tests.support.waiting import wait_for
from tests.tools.deploy import optional
from tests.tools.deploy.certificates import Certificates

HOST = "127.0.0.1"
START_SEC = 90.0


class RabbitMq:
    """One node. Kill it, freeze it, start it again: the queues are durable."""

    def __init__(self, directory: Path, guard: Guard, *, tls: Certificates | None = None) -> None:
        bin_dir = "/usr/lib/rabbitmq/bin"
        # Debian's wrapper in /usr/sbin insists on root and on an account of its own
        server = optional.program("rabbitmq-server", "rabbitmq-server", bin_dir)
        server = f"{bin_dir}/rabbitmq-server" if Path(bin_dir, "rabbitmq-server").exists() else server
        self._control = f"{bin_dir}/rabbitmqctl"
        directory.mkdir(parents=True)
        self.port, distribution, names = ports.free(), ports.free(), ports.free()
        self._user, self.password = "pitboss", secrets.token_hex(16)
        self._scheme = "amqps" if tls else "amqp"
        configuration = directory / "rabbitmq.conf"
        configuration.write_text(
            (f"listeners.tcp.local = {HOST}:{self.port}\n" if tls is None else _tls_lines(self.port, tls))
            + f"default_user = {self._user}\ndefault_pass = {self.password}\n"
            "log.console = true\nlog.file = false\n"
        )
        (directory / "advanced.config").write_text("[].\n")
        (directory / "plugins").write_text("[].\n")
        cookie = directory / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "RABBITMQ_NODENAME": f"pitboss{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1 +sbwt none",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": HOST,
        }
        epmd = [optional.program("epmd", "erlang-base"), "-port", str(names), "-address", HOST]
        log = directory / "log"
        # a name server of its own, in the foreground: otherwise Erlang leaves one behind on the machine
        self._names = Process("epmd", epmd, env=self._env, cwd=directory, log=log, guard=guard)
        self.process = Process("rabbitmq", [server], env=self._env, cwd=directory, log=log, guard=guard)

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self._user}:{self.password}@{HOST}:{self.port}/"

    def start(self) -> None:
        """Returns when it takes connections."""
        if not self._names.running:
            self._names.start()
            wait_for(lambda: _answers(int(self._env["ERL_EPMD_PORT"])), 10, "epmd answers")
        if not self.process.running:
            self.process.start()
        wait_for(lambda: _answers(self.port), START_SEC, "RabbitMQ answers", evidence=self.process.log)

    def kill(self) -> None:
        self.process.kill()
        # the emulator is the script's child, and takes a moment longer to go
        wait_for(lambda: not _is_open(self.port), 10, "RabbitMQ is gone")

    def freeze(self) -> None:
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    def close(self) -> None:
        self.process.close()
        self._names.close()

    def lose(self) -> None:
        """Throw away every waiting message."""
        self.control("purge_queue", "celery")

    def control(self, *arguments: str) -> str:
        began = time.monotonic()
        done = subprocess.run(
            [self._control, "--node", self._env["RABBITMQ_NODENAME"], *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr} after {time.monotonic() - began:.0f} s"
        return done.stdout


def _tls_lines(port: int, tls: Certificates) -> str:
    return (
        f"listeners.tcp = none\nlisteners.ssl.local = {HOST}:{port}\n"
        f"ssl_options.cacertfile = {tls.authority}\nssl_options.certfile = {tls.certificate}\n"
        f"ssl_options.keyfile = {tls.key}\nssl_options.verify = verify_none\n"
    )


def _answers(port: int) -> bool:
    with socket.create_connection((HOST, port), timeout=1):
        return True


def _is_open(port: int) -> bool:
    try:
        return _answers(port)
    except OSError:
        return False
