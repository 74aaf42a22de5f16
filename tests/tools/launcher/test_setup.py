"""script/setup, in a directory of its own; its locks are empty so that nothing is fetched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("sh", "dirname", "cat", "cmp", "env", "sed")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return plant(tmp_path)


def plant(directory: Path) -> Path:
    (directory / "script").mkdir()
    shutil.copy(ROOT / "script" / "setup", directory / "script")
    for name in ("requirements.txt", "requirements-local.txt", "requirements-dev.txt"):
        (directory / name).write_text("# nothing\n")
    return directory


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH without any Python."""
    directory = tmp_path_factory.mktemp("tools")
    for name in TOOLS:
        (directory / name).symlink_to(shutil.which(name) or name)
    return directory


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A tree after its first set-up, to be copied, and what was said. To make an environment takes seconds."""
    tree = plant(tmp_path_factory.mktemp("installed"))
    first = setup(tree, PYTHON=sys.executable)
    assert first.returncode == 0, first.stderr
    return tree, first.stderr


@pytest.fixture
def set_up(installed: tuple[Path, str], tmp_path: Path) -> Path:
    """A tree that was set up."""
    return shutil.copytree(installed[0], tmp_path / "tree", symlinks=True)


def setup(
    tree: Path, *options: str, path: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """From elsewhere, without a terminal, with hardly any environment."""
    return subprocess.run(
        [tree / "script" / "setup", *options],
        cwd="/",
        env={"PATH": str(path) if path else os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def fake_python(directory: Path, name: str, body: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{body}\n")
    (directory / name).chmod(0o755)


def test_a_missing_python_is_one_sentence_with_the_way_out(tree: Path, tools: Path) -> None:
    done = setup(tree, path=tools)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Pitboss needs Python 3.11 or newer and found none: install it")
    assert not (tree / ".venv").exists()


def test_an_old_python_is_as_good_as_none(tree: Path, tools: Path) -> None:
    fake_python(tools, "python3", "exit 1")
    assert "needs Python 3.11 or newer" in setup(tree, path=tools).stderr


def test_a_python_that_cannot_make_environments_is_named_with_the_package_to_install(
    tree: Path, tools: Path
) -> None:
    fake_python(tools, "python3.12", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    done = setup(tree, path=tools)
    assert done.returncode == 1
    assert done.stderr.startswith("python3.12 cannot make a virtual environment: install its venv module")
    assert "apt install python3-venv" in done.stderr


def test_a_wrong_python_variable_is_named(tree: Path) -> None:
    done = setup(tree, PYTHON="/no/such/python")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "PYTHON is set to /no/such/python, which is not a working Python 3.11 or newer"
    )


def test_an_unknown_option_is_named(tree: Path) -> None:
    done = setup(tree, "--fast")
    assert done.returncode == 1
    assert "not --fast" in done.stderr


@pytest.mark.timeout(300)  # it makes two environments and installs five times, on two cores in half a minute
def test_it_installs_once_then_only_what_changed_and_heals_a_broken_environment(
    installed: tuple[Path, str], set_up: Path
) -> None:
    python, tree = sys.executable, set_up
    assert "Installing the pinned requirements" in installed[1]
    assert (tree / ".venv" / "bin" / "python").exists()

    assert says_nothing(setup(tree, PYTHON=python))
    assert says_nothing(setup(tree))

    (tree / "requirements.txt").write_text("# nothing, differently\n")
    assert "Installing" in setup(tree, PYTHON=python).stderr
    assert "Installing" in setup(tree, "--dev", PYTHON=python).stderr
    assert says_nothing(setup(tree, "--dev", PYTHON=python))
    assert says_nothing(setup(tree, PYTHON=python))

    interpreter = tree / ".venv" / "bin" / "python"
    interpreter.unlink()
    interpreter.symlink_to("/no/such/python")  # as after an upgrade of the system
    healed = setup(tree, PYTHON=python)
    assert healed.returncode == 0, healed.stderr
    assert subprocess.run([interpreter, "-c", ""]).returncode == 0
    assert says_nothing(setup(tree, PYTHON=python))


@pytest.mark.timeout(300)
def test_a_failed_installation_is_tried_again(set_up: Path) -> None:
    (set_up / "requirements.txt").write_text("no-such-file.whl\n")
    assert setup(set_up, PYTHON=sys.executable).returncode == 1
    failed = setup(set_up, PYTHON=sys.executable)
    assert failed.returncode == 1
    assert "could not be installed" in failed.stderr


def says_nothing(done: subprocess.CompletedProcess[str]) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, "", "")
