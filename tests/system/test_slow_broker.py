"""A worker that starts while the broker hangs: it asks once, reports in time, and takes commands."""

from __future__ import annotations

from typing import Any

import pytest

from bot.broker.time_limits import RECONCILIATION
from tests.support.fixtures import StackFactory
from tests.support.stack import START_SEC


@pytest.mark.parametrize("fault", ["drip", "timeout"])
def test_a_worker_reports_that_the_broker_hangs_and_applies_commands(make_stack: StackFactory, fault: str):
    stack = make_stack()
    stack.start_redis()
    stack.start_sandbox().faults({"kind": fault, "path": "/v2"})
    stack.start_web(wait=False)
    stack.start_worker(wait=False)
    stack.wait_web()

    def reported() -> list[dict[str, Any]]:
        return stack.sql("SELECT outcome, error_code FROM bot_reconciliation ORDER BY id LIMIT 1")

    report = stack.wait_for(reported, START_SEC + RECONCILIATION.wall_sec, "the first attempt is reported")[0]
    assert (report["outcome"], report["error_code"]) == ("failed", "broker_timeout")
    assert stack.config()["reconciled_at"] is None

    stack.wait_worker()
    assert stack.api().do("/start")["state"] == "running"
    assert [row["status"] for row in stack.commands()] == ["applied"]
