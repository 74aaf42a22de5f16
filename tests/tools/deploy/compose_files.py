"""The compose files as data, and the script that makes their secrets."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.stack import ROOT


class _Loader(yaml.SafeLoader):
    """Compose's own tags mean nothing here."""


_Loader.add_constructor("!reset", lambda loader, node: None)


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / name).read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return found


BASE, PROXY = read("docker-compose.yml"), read("docker-compose.proxy.yml")
EXTERNAL_POSTGRES, EXTERNAL_QUEUE = (
    read("docker-compose.external-postgres.yml"),
    read("docker-compose.external-queue.yml"),
)
SERVICES: dict[str, dict[str, Any]] = {**BASE["services"], "proxy": PROXY["services"]["proxy"]}


def make_secrets(directory: Path, *arguments: str, given: str = "") -> str:
    """What script/secrets says; it makes ``secrets/`` and ``env`` in *directory*."""
    done = subprocess.run(
        [str(ROOT / "script" / "secrets"), *arguments],
        env={
            "PATH": "/usr/bin:/bin",
            "SECRETS_DIR": str(directory / "secrets"),
            "SETTINGS_FILE": str(directory / "env"),
        },
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
