"""SIGTERM: what was begun is finished, and everybody who waits gets an end."""

import signal
import threading
import time

import pytest
import requests

from launcher.embedded import Postgres
from tests.support.client import TOKENS
from tests.support.stack import Stack

#: Less than the 12 s for which gunicorn waits for whatever holds a process of web up, in seconds.
ENDS_SEC = 11.0
ASYNC = {"Prefer": "respond-async"}


def test_a_worker_finishes_the_command_in_hand(stack: Stack):
    # A row that the worker wants to finish is held, so that it waits in the middle of its work.
    stack.worker.freeze()
    command_id = stack.api().post("/start", headers=ASYNC).json()["commandId"]
    holder = stack.tables.connect()
    with holder.cursor() as cursor:
        cursor.execute("SELECT 1 FROM bot_command WHERE id::text = %s FOR UPDATE", [command_id])
        stack.worker.thaw()
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE '%%EXECUTE finish_bot_command%%'"
        )
        stack.wait_for(lambda: stack.sql(waiting), 5, "the worker waits for the row")
        stack.worker.interrupt(signal.SIGTERM)
        time.sleep(0.3)  # in which it would end, did it not wait; nothing shows that it has heard the signal
    holder.rollback()
    holder.close()

    assert stack.worker.wait(10) == 0
    [row] = stack.sql("SELECT status FROM bot_command WHERE id::text = %s", [command_id])
    assert row["status"] == "applied"


def test_a_worker_finishes_a_reconciliation_that_has_begun(stack: Stack):
    stack.broker.faults({"kind": "slow", "path": "/v2/positions", "seconds": 1.5})
    command_id = stack.api().post("/reconcile", headers=ASYNC).json()["commandId"]
    begun = "SELECT 1 FROM bot_command WHERE id::text = %s AND gathering_until IS NOT NULL"
    stack.wait_for(lambda: stack.sql(begun, [command_id]), 5, "it has begun")
    assert stack.worker.terminate() == 0
    assert stack.wait_finished(command_id, 1)["status"] == "applied"


def test_a_request_that_waits_gets_its_answer(stack: Stack):
    stack.worker.freeze()
    answers: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(stack.api().post("/reconcile", headers={"Prefer": "wait=3"}))
    )
    asking.start()
    stack.wait_for(lambda: stack.sql("SELECT 1 FROM bot_command WHERE status = 'queued'"), 5, "it waits")
    stack.web.interrupt(signal.SIGTERM)
    asking.join()
    assert answers[0].status_code == 202, answers[0].text
    assert stack.web.wait(13) == 0
    command_id = answers[0].json()["commandId"]
    stack.worker.thaw()
    assert stack.wait_finished(command_id)["status"] == "applied"


def test_event_streams_end_and_do_not_hold_web_up(stack: Stack):
    streams = [
        requests.get(
            f"{stack.url}/api/bot/events",
            headers={"Authorization": f"Bearer {TOKENS['viewer']}"},
            stream=True,
            timeout=10,
        )
        for _ in range(8)
    ]
    lines = [stream.iter_lines() for stream in streams]
    assert all(next(each).startswith((b"event", b"id", b"retry")) for each in lines)
    stack.web.interrupt(signal.SIGTERM)
    assert stack.web.wait(ENDS_SEC) == 0
    for each in lines:
        list(each)  # to the end, which comes without an error


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_part_that_has_nothing_to_do_ends_at_once(stack: Stack, part: str):
    process = stack.web if part == "web" else stack.worker
    process.interrupt(signal.SIGTERM)
    assert process.wait(ENDS_SEC) == 0


def test_a_worker_that_still_waits_for_postgres_ends_cleanly(crash_stack: Stack, own_postgres: Postgres):
    crash_stack.worker.kill()
    own_postgres.stop()
    worker = crash_stack.start_worker(wait=False)
    crash_stack.wait_for(
        lambda: "the worker cannot start yet" in worker.log(), 15, "the worker says that it waits"
    )
    assert worker.terminate() == 0
    assert "Traceback" not in worker.log()
    own_postgres.start()
