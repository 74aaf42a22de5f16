"""What continuous integration runs, in a directory of its own, where nothing is installed and nothing is tested."""

import shutil
import subprocess
from pathlib import Path

import pytest

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
    "npm",
    "apt-get",
    "sudo",
)


def ci_run(tmp_path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """What it says where all programs that it looks for are there; *more* are further ones, with what they do."""
    tree, programs = tmp_path / "tree", tmp_path / "programs"
    for folder in (tree / ".ci", tree / "script", tree / ".venv" / "bin", programs):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tree / ".ci")
    for program, text in {
        tree / "script" / "test": "test ! -e .venv && echo from nothing",
        **{programs / name: "exit 0" for name in PROGRAMS},
        **{programs / name.replace("_", "-"): text for name, text in more.items()},
    }.items():
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return subprocess.run(
        [tree / ".ci" / "run"], env={"PATH": f"{programs}:/usr/bin:/bin"}, capture_output=True, text=True
    )


def test_continuous_integration_starts_without_the_environment_that_its_clone_brought_along(
    tmp_path: Path,
) -> None:
    done = ci_run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("from nothing\n")


def test_known_weaknesses_of_packages_are_told_and_fail_nothing(tmp_path: Path) -> None:
    done = ci_run(tmp_path, pip_audit="echo CVE-2026-0001; exit 1")
    assert "CVE-2026-0001" in done.stdout
    assert "pip-audit found known weaknesses, or could not look." in done.stderr
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "from nothing")


def test_where_nobody_can_look_for_weaknesses_that_is_said(tmp_path: Path) -> None:
    if shutil.which("pip-audit", path="/usr/bin:/bin"):
        pytest.skip("pip-audit is installed")
    assert "pip-audit is not installed: nobody looked" in ci_run(tmp_path).stderr


def test_without_alpacas_client_for_javascript_the_others_run_and_its_test_says_what_is_missing(
    tmp_path: Path,
) -> None:
    done = ci_run(tmp_path, npm="exit 1")
    assert "Alpaca's client for JavaScript could not be installed." in done.stderr
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "from nothing")
