"""Says when a Celery worker is ready: a file, which costs nothing to wait for."""

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_ready


@worker_ready.connect
def ready(**_: Any) -> None:
    if file := os.environ.get("BENCH_READY_FILE"):
        Path(file).touch()
