"""What continuous integration runs, in a directory of its own, where nothing is installed and nothing is tested."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: The programs that it looks for, and those with which it would install what it does not find.
PROGRAMS = (
    "chromium",
    "promtool",
    "redis-server",
    "redis-sentinel",
    "spin",
    "openssl",
    "curl",
    "apt-get",
    "sudo",
)


def test_continuous_integration_starts_without_the_environment_that_its_clone_brought_along(
    tmp_path: Path,
) -> None:
    tree, programs = tmp_path / "tree", tmp_path / "programs"
    for folder in (tree / ".ci", tree / "script", tree / ".venv" / "bin", programs):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tree / ".ci")
    for program, text in {
        tree / "script" / "test": "test ! -e .venv && echo from nothing",
        **{programs / name: "exit 0" for name in PROGRAMS},
    }.items():
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    done = subprocess.run(
        [tree / ".ci" / "run"], env={"PATH": f"{programs}:/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("from nothing\n")
