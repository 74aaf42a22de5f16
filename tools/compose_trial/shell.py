"""Commands as they are typed, in the project's directory or another one."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class TrialError(Exception):
    """A step did not do what it should."""


def must(holds: bool, complaint: str) -> None:
    if not holds:
        raise TrialError(complaint)


def shell(
    command: str, env: dict[str, str], *, directory: Path = ROOT, timeout_sec: float = 900
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=directory,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout_sec,
        umask=0o022,
    )


def said(command: str) -> str:
    """What *command* prints, in the project's directory; empty when it fails."""
    return shell(command, dict(os.environ)).stdout.strip()
