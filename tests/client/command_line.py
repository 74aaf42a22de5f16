"""script/pitboss, called as a person and a script call it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client.command_line.__main__ import main
from tests.support import program
from tests.support.client import TOKENS
from tests.support.stack import ROOT, Stack

PITBOSS = Path(ROOT) / "script" / "pitboss"


class CommandLine:
    def __init__(self, stack: Stack, elsewhere: Path) -> None:
        self.elsewhere = elsewhere
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(elsewhere),
            "TERM": "xterm-256color",
            "COLUMNS": "120",
            "PITBOSS_URL": stack.url,
            "PITBOSS_TOKEN": TOKENS["operator"],
        }

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Its program, within the tests."""
        return program.call(main, *arguments, env={**self.env, **env})

    def by_itself(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """As a script runs it."""
        return subprocess.run(
            [PITBOSS, *arguments],
            cwd=self.elsewhere,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def says(self, *arguments: str) -> str:
        done = self(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    @contextmanager
    def going_on(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [PITBOSS, *arguments], cwd=self.elsewhere, env=self.env, stdout=subprocess.PIPE, text=True
        ) as running:
            try:
                yield running
            finally:
                running.send_signal(signal.SIGINT)
                running.wait(20)

    def on_a_terminal(self, *arguments: str, until: str, type_in: str = "") -> str:
        """What a terminal shows, until *until* is there."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.elsewhere)
            os.execve(PITBOSS, [str(PITBOSS), *arguments], self.env)  # noqa: S606 - no shell is wanted
        shown, deadline = "", time.monotonic() + 30
        try:
            if type_in:
                os.write(terminal, type_in.encode())
            while until not in shown and time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.2)[0]:
                    try:
                        shown += os.read(terminal, 65536).decode(errors="replace")
                    except OSError:  # its end, on Linux
                        break
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(terminal)
        assert until in shown, shown
        return shown
