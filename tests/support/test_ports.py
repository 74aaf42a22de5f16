"""Tests that run at once, in several processes, do not take each other's ports."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.support import ports

ROOT = Path(__file__).resolve().parents[2]
#: So many that processes that did not heed each other would hardly ever miss each other.
MANY = 1500
#: Takes its ports, says which, and lives until its input ends.
TAKE = f"import json, sys; from tests.support import ports; print(json.dumps([ports.free() for _ in range({MANY})]), flush=True); sys.stdin.read()"


def test_processes_that_run_at_once_are_given_different_ports() -> None:
    given = {ports.free()}
    with ExitStack() as running:
        takers = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", TAKE],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(3)
        ]
        for taker in takers:
            assert taker.stdout is not None
            taken = set(json.loads(taker.stdout.readline()))
            assert len(taken) == MANY
            assert not given & taken
            given |= taken
    # the context closes their input, and so they have ended
    assert [taker.returncode for taker in takers] == [0, 0, 0]
