"""Which machine the figures come from."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import psutil

from tools.bench.series import quantile
from tools.bench.servers import Servers

_SYNCS = 30


def describe(servers: Servers, directory: Path) -> dict[str, Any]:
    """Its parts, by what they are."""
    one_minute, *_ = os.getloadavg()
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memoryGb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "database": servers.version(),
        # durable commits are as fast as this
        "syncMs": round(_sync_ms(directory), 3),
        # over a core's worth of other work, and the figures tell more about that
        "loadBefore": round(one_minute, 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _sync_ms(directory: Path) -> float:
    """Median time to bring a page of 8 kB to the disk."""
    taken = []
    file = directory / "sync"
    with file.open("wb", buffering=0) as stream:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            stream.write(bytes(8192))
            os.fsync(stream.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    file.unlink()
    return quantile(taken, 0.5)
