"""What tests start by a fork is what a person starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support import fork_server
from tests.support.process import Process

ENV = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONUNBUFFERED": "1"}
WEB = ["gunicorn", "-c", "web/gunicorn_conf.py", "web.wsgi:app"]


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")
@pytest.mark.parametrize(
    "words",
    [["gunicorn", "--version"], ["worker", "worker", "--help"], WEB, ["examples.demo_bot"]],
    ids=" ".join,
)
def test_it_says_and_returns_the_same_however_it_is_started(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []
    for cold in ("", "1"):
        monkeypatch.setenv(fork_server.COLD, cold)
        process = Process(
            "it", [sys.executable, "-m", *words], env=ENV, cwd=fork_server.ROOT, log=tmp_path / f"log{cold}"
        )
        process.start()
        assert os.getsid(process.pid) == process.pid
        seen.append((process.wait(30), process.log()))
    assert seen[0] == seen[1]
    code, output = seen[0]
    if words == WEB:  # it has none of the tests' own environment, which may name servers
        assert (code, output.startswith("Pitboss cannot start: REDIS_URL is not set")) == (1, True)


@pytest.mark.parametrize("variable", ["PYTHONPATH", "LD_PRELOAD"])
def test_an_environment_that_changes_python_itself_is_not_given_to_a_fork(variable: str):
    command = [sys.executable, "-m", "gunicorn", "--version"]
    assert fork_server.start(command, {**ENV, variable: "/nowhere"}, fork_server.ROOT, log=1) is None
