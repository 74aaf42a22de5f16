"""What a worker does first: halts, then the broker's word, then everything else."""

from typing import Any

import pytest

from tests.support.messages import Messages
from tests.support.stack import Stack

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def waiting(stack: Stack) -> Stack:
    """A system whose worker is dead, with commands in the log and messages in the queue."""
    stack.worker.kill()
    stack.broker.forget()  # what it asked after the halt that ended the last test
    messages = Messages(stack.redis.url)
    messages.lose()
    stack.sql("DELETE FROM bot_worker")  # of this one and earlier ones
    for path in ("/start", "/reconcile"):
        assert stack.api().post(path, headers=ASYNC).status_code == 202
    messages.send("update_config", maxConcurrentPositions=7)
    stack.wait_for(lambda: messages.waiting() == 3, 5, "three messages wait")
    return stack


def first_report(stack: Stack) -> dict[str, Any]:
    """The report of the present worker's first attempt."""
    return stack.wait_for(
        lambda: stack.sql(
            "SELECT * FROM bot_reconciliation WHERE finished_at > (SELECT max(started_at) FROM bot_worker) AND"
            " trigger = 'startup' ORDER BY id LIMIT 1"
        ),
        15,
        "the broker was asked once",
    )[0]


def all_applied(stack: Stack) -> list[dict[str, Any]]:
    def finished() -> list[dict[str, Any]]:
        rows = stack.commands()[-3:]
        kinds = [row["kind"] for row in rows]
        done = kinds == ["start", "reconcile", "update_config"] and all(
            row["status"] == "applied" for row in rows
        )
        return rows if done else []

    return stack.wait_for(finished, 15, "three commands are applied")


def test_nothing_that_was_queued_is_applied_before_the_first_attempt_to_reconcile(waiting: Stack):
    waiting.broker.faults({"kind": "slow", "seconds": 1.5})
    waiting.start_worker(wait=False)
    waiting.wait_for(waiting.broker.calls, 15, "the broker is asked")
    assert [(row["kind"], row["status"]) for row in waiting.commands()[-2:]] == [
        ("start", "queued"),
        ("reconcile", "queued"),
    ]
    assert waiting.config()["reconciled_at"] is None

    report = first_report(waiting)
    assert report["outcome"] == "ok"
    rows = all_applied(waiting)
    assert min(row["finished_at"] for row in rows) >= report["finished_at"]
    # reconcile asks the broker again, and lets the later command pass meanwhile
    assert [row["kind"] for row in sorted(rows, key=lambda row: row["revision"])] == [
        "start",
        "update_config",
        "reconcile",
    ]


def test_an_attempt_that_fails_lets_commands_in_but_no_signals(waiting: Stack):
    waiting.broker.stop()
    waiting.start_worker(wait=False)
    report = first_report(waiting)
    assert (report["outcome"], report["error_code"]) == ("failed", "broker_unreachable")
    assert min(row["finished_at"] for row in all_applied(waiting)) >= report["finished_at"]
    assert waiting.status()["state"] == "running"
    assert waiting.api("bot").read("/gate")["reasons"] == ["not_reconciled"]

    waiting.broker.start()
    waiting.wait_accepting(15)
    assert waiting.status()["acceptingSignals"] is True
    assert waiting.status()["reconciliation"]["trigger"] == "retry"


def test_a_halt_that_waits_is_applied_before_the_broker_is_asked(stack: Stack):
    stack.api().do("/start")
    stack.worker.kill()
    stack.web.kill()  # it would apply the stop itself
    for kind in ("start", "stop"):
        stack.sql(
            "INSERT INTO bot_command (id, kind, actor, source) VALUES (gen_random_uuid(), %s, 'tests', 'api')",
            [kind],
        )
    stack.broker.forget()
    stack.broker.faults({"kind": "slow", "seconds": 1})
    stack.start_worker(wait=False)
    stack.wait_for(stack.broker.calls, 15, "the broker is asked")

    assert [row["status"] for row in stack.commands()[-2:]] == ["superseded", "applied"]
    assert stack.config()["state"] == "stopped"


def test_the_gate_is_closed_before_the_first_heartbeat(stack: Stack):
    stack.worker.kill()
    stack.sql(
        "CREATE TABLE zz_seen (reconciled_at timestamptz);"
        "CREATE FUNCTION zz_see() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO zz_seen SELECT reconciled_at FROM bot_config; RETURN NULL; END $$;"
        "CREATE TRIGGER zz_see AFTER INSERT ON bot_worker FOR EACH ROW EXECUTE FUNCTION zz_see();"
        "UPDATE bot_config SET reconciled_at = clock_timestamp()"
    )
    try:
        stack.start_worker(wait=False)
        seen = stack.wait_for(lambda: stack.sql("SELECT * FROM zz_seen"), 30, "the worker shows itself")
        assert seen[0]["reconciled_at"] is None
    finally:
        stack.sql("DROP TRIGGER zz_see ON bot_worker; DROP FUNCTION zz_see(); DROP TABLE zz_seen")
