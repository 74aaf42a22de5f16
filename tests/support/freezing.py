"""Freezes processes as SIGSTOP does, and waits until it has: the signal takes effect when its process is scheduled next, and until
then one of its other threads may still apply a command."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil

from tests.support.waiting import wait_for

#: What a process is when nothing of it runs.
_AT_REST = {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


def freeze(pids: Iterable[int]) -> None:
    """Stop each of *pids*; those that are gone are passed over. SIGCONT lets them go on."""
    pids = list(pids)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(map(_is_at_rest, pids)), 15, f"{pids} are frozen")


def _is_at_rest(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in _AT_REST
    except psutil.NoSuchProcess:
        return True
