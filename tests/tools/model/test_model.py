"""The models of the command log and of the flatten hold what they promise, and find what breaks them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).resolve().parents[3] / "tools" / "model"
COMMAND_LOG, FLATTEN = MODELS / "commandlog.pml", MODELS / "flatten.pml"
#: Two commands of all kinds, over the API and manual, one crash, a log that may be full: all that can happen.
BOUNDED = ("N=2", "CRASHES=1", "ALLKINDS", "FALLBACK")
#: Faults that the model can be given, and what finds each.
SEEDED = {
    "NOLOCK": "finished",
    "READBEFORELOCK": "finished",
    "BYSEQ": "judged",
    "APPLIEDONLY": "judged",
    "REARMSTAYS": "judged",
    "CANCELSTAYS": "judged",
    "FORGETKILL": "status",
    "OLDCONFIG": "manual",
}
#: The same for a flatten: in an account where all is the bot's, and in one with shares that are not, what finds each.
SEEDED_FLATTEN = {
    ("ONEREADING", "IGNORED=0"): "coming",
    ("NOWAIT", "IGNORED=0"): "coming",
    ("LEASESTAYS", "IGNORED=0"): "flat",
    ("LEASESTAYS", "IGNORED=1"): "flat",
    ("NOLAG", "IGNORED=1"): "held>=1",
    ("POSITIONSFIRST", "IGNORED=1"): "held>=1",
    ("NODEADLINE", "IGNORED=1"): "held>=1",
    ("SELLALL", "IGNORED=1"): "held>=1",
}


@pytest.fixture(scope="module", autouse=True)
def _spin() -> None:
    missing = [name for name in ("spin", "gcc") if shutil.which(name) is None]
    if missing:
        reason = f"{' and '.join(missing)} is not installed (Debian: apt-get install spin gcc)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"The model has to be checked here, but {reason}.")
        pytest.skip(reason)


def explore(directory: Path, model: Path, *defined: str, whole: bool = False) -> str:
    """Look at every state that the model can reach, up to the first error; what the verifier says.

    Only who looks at the *whole* looks for longer than the compiler takes to optimize.
    """
    options = [f"-D{name}" for name in defined]
    for command in (
        ["spin", "-a", *options, str(model)],
        ["gcc", "-O1" if whole else "-O0", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
    found = subprocess.run(
        ["./pan", "-m100000", "-w22"], cwd=directory, check=True, capture_output=True, text=True
    )
    return found.stdout


def check_whole(said: str) -> None:
    """The verifier looked at all states, there are many, and none breaks a promise."""
    assert "errors: 0" in said, said
    states = re.search(r"(\d+(?:\.\d+e\+\d+)?) states, stored\n", said)
    assert states is not None
    assert float(states[1]) > 100_000, "the model has become so small that it proves nothing"
    assert "max search depth too small" not in said


def test_nothing_is_lost_done_twice_or_done_after_a_later_halt(tmp_path: Path):
    check_whole(explore(tmp_path, COMMAND_LOG, *BOUNDED, whole=True))


@pytest.mark.parametrize("fault", SEEDED)
def test_a_fault_that_is_put_into_the_model_is_found(tmp_path: Path, fault: str):
    said = explore(tmp_path, COMMAND_LOG, *BOUNDED, fault)
    assert "errors: 1" in said, said
    assert re.search(rf"assertion violated.*{SEEDED[fault]}", said), said


@pytest.mark.parametrize("ignored", [0, 1])
def test_a_flatten_sells_nothing_twice_touches_no_ignored_share_and_ends_flat(tmp_path: Path, ignored: int):
    check_whole(explore(tmp_path, FLATTEN, f"IGNORED={ignored}", whole=True))


@pytest.mark.parametrize("fault", SEEDED_FLATTEN, ids="-".join)
def test_a_fault_that_is_put_into_the_model_of_the_flatten_is_found(tmp_path: Path, fault: tuple[str, str]):
    said = explore(tmp_path, FLATTEN, *fault)
    assert "errors: 1" in said, said
    assert re.search(rf"assertion violated.*{SEEDED_FLATTEN[fault]}", said), said
