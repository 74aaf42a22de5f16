"""A worker that starts while the broker hangs: it asks once, reports in time, and takes commands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fixtures import StackFactory
from tests.support.stack import START_SEC

#: From a worker's first beat to the report of its first attempt, in seconds.
ATTEMPT_SEC = 15.0


@pytest.mark.parametrize("fault", ["drip", "timeout"])
def test_a_worker_reports_within_fifteen_seconds_of_its_start_and_applies_commands_though_the_broker_hangs(
    make_stack: StackFactory, capsys: pytest.CaptureFixture[str], fault: str
):
    stack = make_stack()
    stack.start_redis()
    stack.start_sandbox().faults({"kind": fault, "path": "/v2"})
    stack.start_web(wait=False)
    stack.start_worker(wait=False)
    stack.wait_web()

    def reported() -> list[dict[str, Any]]:
        return stack.sql(
            "SELECT outcome, error_code, extract(epoch FROM finished_at - started_at)::float AS attempt_sec,"
            " extract(epoch FROM finished_at - (SELECT min(started_at) FROM bot_worker))::float AS since_start_sec"
            " FROM bot_reconciliation ORDER BY id LIMIT 1"
        )

    report = stack.wait_for(reported, START_SEC + ATTEMPT_SEC, "the first attempt is reported")[0]
    assert (report["outcome"], report["error_code"]) == ("failed", "broker_timeout")
    assert report["since_start_sec"] < ATTEMPT_SEC
    assert stack.config()["reconciled_at"] is None

    stack.wait_worker()
    assert stack.api().do("/start")["state"] == "running"
    (command,) = stack.sql(
        "SELECT status, extract(epoch FROM finished_at - issued_at)::float AS took_sec FROM bot_command"
    )
    assert command["status"] == "applied"
    with capsys.disabled():
        print(
            f"\nthe broker's answers {fault}: the first report {report['since_start_sec']:.2f} s after the worker's start"
            f" (the attempt took {report['attempt_sec']:.2f} s), a start applied in {1000 * command['took_sec']:.0f} ms"
        )
