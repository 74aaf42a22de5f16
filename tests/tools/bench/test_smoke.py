"""The whole bench with tiny sizes. Times are never looked at: this machine has other things to do."""

import json
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import pytest

from tests.tools.bench.leftovers import wait_until_gone
from tools.bench import history
from tools.bench.history import Figure, Run
from tools.bench.row import Group

ROOT = Path(__file__).resolve().parents[3]

TARGETS = {
    "POST /start → 200, one client, p50": (0.8, False),
    "POST /start → 200, one client, p99": (0.9, False),
    "commands per second, 8 clients, every one durable and logged": (1.5, True),
    "GET /status per second, 8 clients": (1.2, True),
    "kill with Redis and worker down, p50": (1.7, False),
    "kill with Redis and worker down, p99": (2.0, False),
    "command p50 with 500 finished commands in the log": (1.1, False),
    "worker start to gate open": (1.0, False),
    "memory (PSS) of all of script/server": (0.65, False),
    "processor while idle, web + worker": (0.4, False),
    "reconcile 200 open trades, 1 % missing": (1.7, False),
}
KILL = "kill with Redis and worker down, p50"
#: A kill that took no time.
EARLIER = Run(date(2026, 1, 2), {"cores": 2}, {f"kill: {KILL}": Figure(0.001, 0.001, 0.001, "×")})


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_quick_run_measures_everything_beside_its_baseline_and_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="pitboss-") as place:
        file, seen = Path(place, "figures.json"), Path(place, "seen.json")
        history.write(seen, [EARLIER])
        done = subprocess.run(
            [
                *(ROOT / "script" / "bench", "--quick", "--rounds", "1", "--json", file.name),
                *("--compare", seen.name, "--record", seen.name),
            ],
            cwd=place,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": place},
            capture_output=True,
            text=True,
            timeout=380,
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(file.read_text())
        assert wait_until_gone(place, 1) == []
        assert {each.name for each in Path(place).iterdir()} == {file.name, seen.name}
        earlier, this = history.read(seen)

    assert {
        row["what"]: (row["target"]["ratio"], row["target"]["atLeast"]) for row in report["targets"]
    } == TARGETS
    for row in report["targets"]:
        assert row["baseline"]["what"]
        assert isinstance(row["met"], bool)
        assert (
            len(row["ours"]["rounds"]) == len(row["baseline"]["rounds"]) == len(row["ratio"]["rounds"]) == 1
        )
    grown = [row["what"] for row in report["growth"]]
    for what in (
        "command p99 with 100 finished commands in the log",
        "GET /status p50 with 500 trades",
        "reconcile 50 open trades, 1 % missing",
        "GET /status p50 beside 5 event streams",
    ):
        assert what in grown
    assert {row["unit"] for row in report["memory"]} >= {"MB"}
    assert all(row["baseline"]["what"] for row in report["references"] if row["measure"] == "bounds")
    assert (report["quick"], report["machine"]["cores"] > 0) == (True, True)

    assert earlier == EARLIER
    assert len(this.figures) == sum(len(report[group]) for group in Group), "each row has a name of its own"
    table, comparison = done.stdout.split("Compared with")
    assert next(line for line in comparison.splitlines() if KILL in line).split("|")[-2].strip() == "WORSE"
    for what in TARGETS:
        line = next(line for line in table.splitlines() if line.startswith(f"| {what}"))
        assert line.count("|") == 8
        assert line.split("|")[-2].strip() in ("yes", "NO")
    assert "The figures mean nothing." in done.stdout
