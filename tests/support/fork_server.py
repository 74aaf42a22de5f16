"""Starts web and workers without loading their libraries each time.

Imports are half of such a start, and the tests start some two hundred. A server has loaded what one program imports whatever its
settings are, and forks itself for each start: the child gets a session, an environment and a log of its own, and runs its module
from the first line, as ``python -m`` does. Decision 17 says what that leaves unproved, and where it is proved.
"""

from __future__ import annotations

import array
import atexit
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
#: With this variable every program is started as a person starts it.
COLD = "PITBOSS_TESTS_COLD"
#: By the words behind ``python -m``: what is loaded before. None of it looks at settings when it is imported.
MODULES = {
    ("gunicorn",): ("gunicorn.app.wsgiapp", "gunicorn.glogging", "web.app", "web.streaming.gunicorn_worker"),
    ("worker", "worker"): (
        "celery.bin.worker",
        "celery.apps.worker",
        "celery.backends.redis",
        "celery.concurrency.prefork",
        "celery.worker.components",
        "celery.worker.consumer",
        "kombu.transport.redis",
        "bot.access.verify_log",
        "bot.alerts.delivery",
        "bot.commands.controller",
        "bot.commands.evidence",
        "bot.flattening.process",
        "bot.runtime.logs",
    ),
    ("examples.demo_bot",): ("examples.clients", "client.models"),
}
_LONGEST = 1 << 17  # bytes of a request, which is an environment and some words


class Forked:
    """A process that a server has forked, with what is asked of a ``Popen``."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._code is None:
            self._code = self._server.ask(pid=self.pid)
        return self._code

    def wait(self, timeout: float) -> int:
        """The exit code. Raises TimeoutExpired if it has not ended after so many seconds."""
        deadline, pause = time.monotonic() + timeout, 0.001
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        return code


class ForkServer:
    """A process that has loaded a program's modules and forks itself for each start. It ends with the tests."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._one_at_a_time = threading.Lock()
        self._socket, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", __name__, str(there.fileno()), *words],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": os.environ.get("HOME", "/"),
                    "PYTHONUNBUFFERED": "1",
                    # prometheus_client looks at its import whether processes write files; each start says where
                    "PROMETHEUS_MULTIPROC_DIR": os.devnull,
                },
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
            )
        atexit.register(self.close)

    def start(self, arguments: Sequence[str], env: Mapping[str, str], log: int) -> Forked:
        """Start the program with *arguments*, what follows its words; it writes to the open file *log*."""
        return Forked(self, self.ask(log, arguments=list(arguments), env=dict(env)))

    def ask(self, log: int | None = None, **request: Any) -> Any:
        """The server's answer."""
        rights = [] if log is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [log]))]
        with self._one_at_a_time:
            self._socket.sendmsg([json.dumps(request).encode()], rights)
            answer = self._socket.recv(_LONGEST)
        if not answer:
            raise RuntimeError(f"what starts programs for the tests has ended with {self._popen.wait(10)}")
        return json.loads(answer)

    def close(self) -> None:
        """End the server; what it has started goes on."""
        self._socket.close()
        self._popen.wait(10)


_servers: dict[tuple[str, ...], ForkServer] = {}


def start(command: Sequence[str], env: Mapping[str, str], cwd: Path, log: int) -> Forked | None:
    """Start *command* by a fork; None where it has to be started in the ordinary way."""
    if sys.platform != "linux" or cwd != ROOT or os.environ.get(COLD) or any(map(_changes_python, env)):
        return None
    if list(command[:2]) != [sys.executable, "-m"]:
        return None
    for words in MODULES:
        if tuple(command[2 : 2 + len(words)]) == words:
            if words not in _servers:
                _servers[words] = ForkServer(words)
            return _servers[words].start(command[2 + len(words) :], env, log)
    return None


def _changes_python(variable: str) -> bool:
    return variable.startswith(("PYTHON", "LD_")) and variable != "PYTHONUNBUFFERED"


def _serve(channel: socket.socket) -> dict[str, Any]:
    """Answer until the tests have ended. Returns in each child, with what it is to run."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _LONGEST, 1)
        if not message:
            os._exit(0)
        request: dict[str, Any] = json.loads(message)
        if "pid" in request:
            answer = _exit_code(request["pid"])
        else:
            [log] = descriptors
            settled, settling = os.pipe()
            answer = os.fork()
            if answer == 0:
                channel.close()
                os.setsid()
                os.dup2(log, 1)
                os.dup2(log, 2)
                for descriptor in (log, settled, settling):
                    os.close(descriptor)
                return request
            os.close(log)
            os.close(settling)
            os.read(settled, 1)  # it is told of when it has a group of its own, which can be killed
            os.close(settled)
        channel.send(json.dumps(answer).encode())


def _exit_code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _main(descriptor: str, *words: str) -> None:
    for name in MODULES[words]:
        import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would write to all that it shares
    wanted = _serve(socket.socket(fileno=int(descriptor)))
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    sys.argv[1:] = [*words[1:], *wanted["arguments"]]
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
