"""Who dies while it asks Alpaca for a command keeps nobody else from asking."""

import pytest

from tests.support.stack import Stack

#: Far less than the 20 s for which a process that lives, but froze, keeps the right to ask.
WITHIN_SEC = 6.0


@pytest.mark.parametrize("who", ["the child", "the whole worker, beside a standby"])
def test_a_reconcile_whose_process_was_killed_is_taken_up_at_once(fresh_stack: Stack, who: str):
    if who != "the child":
        fresh_stack.start_worker("standby")
    fresh_stack.broker.faults({"kind": "slow", "path": "/v2/positions", "seconds": 1.5})
    command_id = fresh_stack.api().post("/reconcile", headers={"Prefer": "respond-async"}).json()["commandId"]
    holders = (
        "SELECT client_port FROM pg_stat_activity a JOIN pg_locks l USING (pid)"
        " WHERE l.locktype = 'advisory' AND a.datname = current_database()"
    )
    fresh_stack.wait_for(lambda: fresh_stack.sql(holders), 5, "it is asked for")
    if who == "the child":
        fresh_stack.worker.kill_child()
    else:
        for name in ("worker", "standby"):
            fresh_stack.workers[name].kill()
        fresh_stack.start_worker("standby")
    row = fresh_stack.wait_finished(command_id, WITHIN_SEC)
    assert row["status"] == "applied"
    # it is given back after the commit that finishes the row
    fresh_stack.wait_for(lambda: not fresh_stack.sql(holders), 5, "nobody holds the right to ask")
    assert "Traceback" not in fresh_stack.worker.log(whole=True), "it is said in a sentence"
