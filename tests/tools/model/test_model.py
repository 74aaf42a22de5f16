"""The model of the command log holds what it promises, and finds what breaks it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).resolve().parents[3] / "tools" / "model" / "commandlog.pml"
#: Two commands of all kinds, over the API and manual, one crash, a log that may be full: all that can happen.
BOUNDED = ("N=2", "CRASHES=1", "ALLKINDS", "FALLBACK")
#: Faults that the model can be given, and what finds each.
SEEDED = {
    "NOLOCK": "finished",
    "READBEFORELOCK": "finished",
    "BYSEQ": "judged",
    "APPLIEDONLY": "judged",
    "REARMSTAYS": "judged",
    "FORGETKILL": "status",
    "OLDCONFIG": "manual",
}


@pytest.fixture(scope="module", autouse=True)
def _spin() -> None:
    missing = [name for name in ("spin", "gcc") if shutil.which(name) is None]
    if missing:
        reason = f"{' and '.join(missing)} is not installed (Debian: apt-get install spin gcc)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"The model has to be checked here, but {reason}.")
        pytest.skip(reason)


def explore(directory: Path, *defined: str) -> str:
    """Look at every state that the model can reach, up to the first error; what the verifier says."""
    options = [f"-D{name}" for name in defined]
    for command in (
        ["spin", "-a", *options, str(MODEL)],
        ["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
    found = subprocess.run(
        ["./pan", "-m100000", "-w22"], cwd=directory, check=True, capture_output=True, text=True
    )
    return found.stdout


def test_nothing_is_lost_done_twice_or_done_after_a_later_halt(tmp_path: Path):
    said = explore(tmp_path, *BOUNDED)
    assert "errors: 0" in said, said
    states = re.search(r"(\d+(?:\.\d+e\+\d+)?) states, stored\n", said)
    assert states is not None
    assert float(states[1]) > 100_000, "the model has become so small that it proves nothing"
    assert "max search depth too small" not in said


@pytest.mark.parametrize("fault", SEEDED)
def test_a_fault_that_is_put_into_the_model_is_found(tmp_path: Path, fault: str):
    said = explore(tmp_path, *BOUNDED, fault)
    assert "errors: 1" in said, said
    assert re.search(rf"assertion violated.*{SEEDED[fault]}", said), said
