"""A launcher that a test starts, listens to and stops."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import ports

READY = "Pitboss runs."
LAUNCHER = (sys.executable, "-m", "launcher")


class ServerRun:
    """`python -m launcher` in a tree, or another command, with only the environment that it is given."""

    def __init__(self, tree: Path, *, command: Sequence[str | Path] = LAUNCHER, **env: str) -> None:
        self.tree = tree
        self.port = ports.free()
        self.env: Mapping[str, str] = {
            "PATH": os.environ["PATH"],
            "HOME": str(tree),
            "PORT": str(self.port),
            "FLOWER_PORT": str(ports.free()),
            **env,
        }
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            command,
            cwd=tree,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, text: str, timeout_sec: float = 90) -> None:
        deadline = time.monotonic() + timeout_sec
        while text not in self.output:
            assert time.monotonic() < deadline, f"{text!r} did not come:\n{self.output}"
            assert self._process.poll() is None or text in self.output, (
                f"ended before {text!r}:\n{self.output}"
            )
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def send_to_group(self, number: signal.Signals) -> None:
        """As the terminal does with a Ctrl-C."""
        os.killpg(self._process.pid, number)

    def exit_code(self, timeout_sec: float = 20) -> int:
        """Waits for the end."""
        code = self._process.wait(timeout_sec)
        self._reader.join(5)
        return code

    def end(self) -> None:
        """Whatever the test left."""
        if self._process.poll() is None:
            self._process.terminate()
            self.exit_code()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._lines.append(line)


def token(run: ServerRun) -> str:
    """The operator's token, from the file that the output names: it is no terminal, so the token itself is not there."""
    found = re.search(r"token +the operator's is the third field of (\S+)", run.output)
    assert found, run.output
    token = Path(found[1]).read_text().split(",")[0].split(":")[2]
    assert token not in run.output
    return token
