"""/openapi.json without a system that serves it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def openapi(data_dir: Path) -> Any:
    """As a program of its own writes it: importing web would settle the settings of all that follows in this process."""
    nowhere = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "API_TOKENS": "tests:operator:only-for-the-document",
        "DATA_DIR": str(data_dir),
    }
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "web", "spec"],
        cwd=ROOT,
        env=nowhere,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
