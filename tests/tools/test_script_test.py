"""script/test does what CONTRIBUTING.md says of each form. Stand-ins take down what would be run: it cannot run inside itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ["-m ruff check .", "-m ruff format --check .", "-m mypy", "-c import rules"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """With script/test, and programs that write down how they were called."""
    for folder in ("script", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "script" / "test", tmp_path / "script")
    for name in ("script/setup", ".venv/bin/python"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\necho "$@" >>calls\n')
        program.chmod(0o755)
    return tmp_path


def calls(tree: Path, *arguments: str) -> list[str]:
    done = subprocess.run([tree / "script" / "test", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "== all passed" in done.stdout
    setup, *others = (tree / "calls").read_text().splitlines()
    assert setup == "--dev"
    return ["-c import rules" if each.startswith("-c import sys") else each for each in others]


@pytest.mark.parametrize(
    ("arguments", "marks"),
    [
        (["--quick"], "-m not long and not slow tests/bot"),
        ([], "-m not long"),
        (["--times"], "-m not long --times"),
    ],
)
def test_before_a_commit_or_a_merge_the_checks_come_first(
    tree: Path, arguments: list[str], marks: str
) -> None:
    *checks, tests = calls(tree, *arguments)
    # the tests are compiled beside the checks, so this one comes at any time
    [compiled] = [each for each in checks if "--collect-only" in each]
    checks.remove(compiled)
    assert checks == CHECKS
    assert tests.startswith("-m pytest -n ")
    assert tests.endswith(marks)


def test_before_a_release_the_long_tests_are_run(tree: Path) -> None:
    [tests] = calls(tree, "--long")
    assert tests.endswith("-m long")


@pytest.mark.parametrize("arguments", [["-k", "gate"], ["-n", "2", "tests/bot"]])
def test_anything_else_is_for_pytest(tree: Path, arguments: list[str]) -> None:
    assert calls(tree, *arguments) == [f"-m pytest {' '.join(arguments)}"]


def test_what_fails_is_named_and_nothing_comes_after_it(tree: Path) -> None:
    (tree / ".venv" / "bin" / "python").write_text(
        '#!/bin/sh\necho "$@" >>calls\ncase $2 in mypy) exit 3 ;; esac\n'
    )
    done = subprocess.run([tree / "script" / "test"], capture_output=True, text=True)
    assert done.returncode == 3
    assert "== failed: .venv/bin/python -m mypy" in done.stderr
    called = (tree / "calls").read_text().splitlines()
    assert [each for each in called if "--collect-only" not in each][-1] == "-m mypy"
