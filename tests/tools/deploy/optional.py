"""Programs that not every machine has: without them a test is skipped with a reason, and fails where CI=true."""

import os
import shutil

import pytest


def program(name: str, package: str, *places: str) -> str:
    """The path of the program *name*, which Debian's *package* has; looked for in *places* too."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *places])
    if found := shutil.which(name, path=path):
        return found
    reason = f"{name} is not installed (Debian, Ubuntu: apt-get install {package})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
