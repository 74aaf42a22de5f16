"""Migrations as an operator runs them: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.stack import ROOT


def flask_db(url: str, data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``flask db <arguments>`` on the database at *url*; *data_dir* holds no settings of another server."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "web", "db", *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "DATA_DIR": str(data_dir),
            "API_TOKENS": "tests:operator:only-for-the-migration",
            "SECRET_KEY": "only-for-the-migration",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def migrate(url: str, data_dir: Path) -> None:
    """Bring the database at *url* to the newest revision."""
    done = flask_db(url, data_dir, "upgrade")
    assert done.returncode == 0, done.stderr
