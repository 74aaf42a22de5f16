"""script/server on a terminal: lines for a person, and a banner that is found again."""

from __future__ import annotations

import os
import pty
import select
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from launcher import preflight
from tests.support import ports
from tests.tools.launcher import stub_tree
from tests.tools.launcher.processes import wait_until_empty
from tests.tools.launcher.server_run import READY


class Terminal:
    def __init__(self, tree: Path, **env: str) -> None:
        self.shown = ""
        variables = {"PATH": os.environ["PATH"], "HOME": str(tree), **env}
        variables |= {"PORT": str(ports.free()), "FLOWER_PORT": str(ports.free())}
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(tree)
            os.execve(sys.executable, [sys.executable, "-m", "launcher"], variables)  # noqa: S606 - no shell is wanted

    def wait_for(self, text: str, times: int = 1, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while self.shown.count(text) < times:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._fd], [], [], 0.2)[0]:
                self.shown += os.read(self._fd, 65536).decode(errors="replace")

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def end(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        self.wait_for("Stopped.")
        _, status = os.waitpid(self.pid, 0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


def test_a_terminal_gets_text_and_its_banner_again_on_enter() -> None:
    with tempfile.TemporaryDirectory(prefix="pitboss-") as name:
        tree = stub_tree.plant(Path(name))
        terminal = Terminal(tree)
        terminal.wait_for("press Enter, or: cat")
        web = next(each for each in psutil.Process(terminal.pid).children() if "gunicorn" in each.cmdline())
        assert web.environ()["LOG_FORMAT"] == "text"

        terminal.press("\r")
        terminal.wait_for(READY, times=2)
        kept = tree / ".data" / "banner.txt"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert READY in kept.read_text()

        assert terminal.end() == 0
        assert not kept.exists()
        assert wait_until_empty(tree, 1) == []


@pytest.mark.parametrize(
    ("wanted", "is_terminal", "given"),
    [
        (None, True, "text"),
        ("auto", True, "text"),
        ("json", True, "json"),
        (None, False, None),
    ],
)
def test_the_parts_write_what_is_wanted_and_text_on_a_terminal(
    wanted: str | None, is_terminal: bool, given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"PORT": str(ports.free()), "FLOWER_PORT": str(ports.free())}
    monkeypatch.setattr(os, "environ", env | ({"LOG_FORMAT": wanted} if wanted else {}))
    own: dict[str, int | None] = {"PostgreSQL": ports.free(), "Valkey": ports.free()}
    preflight.check(
        tmp_path,
        "postgresql://pitboss@127.0.0.1:1/pitboss",
        "redis://127.0.0.1:1/0",
        own,
        demo=False,
        is_terminal=is_terminal,
    )
    assert os.environ.get("LOG_FORMAT") == given
