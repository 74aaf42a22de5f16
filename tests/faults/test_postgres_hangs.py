"""A Postgres that hangs: its processes are frozen, and its host goes on acknowledging what it is sent."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.embedded import Postgres
from tests.support import envelope
from tests.support.freezing import freeze
from tests.support.stack import Stack


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    pid = postgres.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pids = [pid, *map(int, children)]
    freeze(pids)
    try:
        yield
    finally:
        for each in pids:
            os.kill(each, signal.SIGCONT)


def test_a_kill_is_answered_in_seconds_that_nothing_was_changed_and_nothing_is_later(
    crash_stack: Stack, own_postgres: Postgres
) -> None:
    for _ in range(12):
        crash_stack.api().do("/kill")  # both processes of web have their connections by then
    rows = len(crash_stack.commands())
    with frozen(own_postgres):
        began = time.monotonic()
        answer = crash_stack.api().post("/kill", {"reason": "it hangs"})
        took = time.monotonic() - began
    envelope.check(answer, 503, "database_unavailable")
    # the 5 s of which its time limits are made are proved by tests/bot/storage/test_hang_guard.py; this machine may be busy
    assert took < 15, took
    crash_stack.wait_for(lambda: crash_stack.api().post("/kill").status_code == 200, 10, "a kill is applied")
    assert crash_stack.config()["killed_at"] is not None
    reasons = [row["reason"] for row in crash_stack.commands()[rows:]]
    assert "it hangs" not in reasons
