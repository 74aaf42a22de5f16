"""Work that a process of its own does, which is where the launcher has its checks made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.aside import aside
from launcher.errors import StartError
from tests.support.stack import ROOT

#: A start that ends with the checks, which find something.
START = """
import json, sys
from launcher.__main__ import main
before = set(sys.modules)
status = main([])
print(json.dumps({"status": status, "loaded": sorted(set(sys.modules) - before)}))
"""


def test_the_result_comes_back_and_what_was_loaded_for_it_does_not() -> None:
    pid, loaded = aside(lambda: (os.getpid(), _load("tabnanny")))
    assert (pid != os.getpid(), loaded) == (True, True)
    assert "tabnanny" not in sys.modules


def _load(name: str) -> bool:
    __import__(name)
    return name in sys.modules


def test_what_the_checks_find_is_said_as_if_they_had_been_made_here() -> None:
    def work() -> None:
        raise StartError("PORT is wrong: eight.")

    with pytest.raises(StartError, match=r"^PORT is wrong: eight\.$"):
        aside(work)


def test_a_process_that_is_killed_or_fails_is_no_plan(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartError, match="without an answer"):
        aside(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(StartError, match="without an answer"):
        aside(lambda: int("nothing"))
    assert "ValueError: invalid literal" in capfd.readouterr().err


def test_the_launcher_keeps_nothing_of_what_its_checks_load(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": "8000", "FLOWER_PORT": "8000"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "PORT and FLOWER_PORT are both 8000" in done.stderr, "the checks were made"
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["status"] == 1
    assert not {"launcher.preflight", "pydantic", "psycopg2"} & set(found["loaded"])
