"""A process that freezes while it holds the lock must not delay a kill."""

import threading
from contextlib import suppress

import psycopg2
import pytest

from tests.support.stack import Stack

LOCK = "SELECT 1 FROM bot_config FOR UPDATE"


@pytest.mark.parametrize("worker_runs", [True, False])
def test_a_kill_gets_past_a_connection_that_idles_with_the_lock_and_has_no_time_out(
    stack: Stack, worker_runs: bool
):
    stack.api().do("/start")
    if not worker_runs:
        stack.worker.kill()
    holder = stack.tables.connect(idle_in_transaction_session_timeout="0")
    with holder.cursor() as cursor:
        cursor.execute(LOCK)

        assert stack.api().do("/kill")["state"] == "stopped"
        with pytest.raises(psycopg2.Error):
            cursor.execute("SELECT 1")
    holder.close()


def test_a_trade_gets_past_a_connection_that_idles_with_the_lock_and_has_no_time_out(stack: Stack):
    stack.api().do("/start")
    stack.wait_for(lambda: stack.api().read("/gate")["mayOpen"], 10, "the gate is open")
    holder = stack.tables.connect(idle_in_transaction_session_timeout="0")
    with holder.cursor() as cursor:
        cursor.execute(LOCK)
        response = stack.api("bot").post("/trades", {"symbol": "ACME", "shares": 1, "entryPrice": 10})
        assert response.status_code == 201, response.text
        with pytest.raises(psycopg2.Error):
            cursor.execute("SELECT 1")
    holder.close()


def test_a_kill_gets_past_a_worker_that_froze_inside_its_transaction(stack: Stack):
    # It is frozen while it waits for the lock, which Postgres then gives to it all the same.
    stack.worker.freeze()
    command_id = stack.api().post("/start", headers={"Prefer": "respond-async"}).json()["commandId"]
    holder = stack.tables.connect()
    with holder.cursor() as cursor:
        cursor.execute(LOCK)
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE '%%EXECUTE lock_bot_config%%'"
        )
        stack.worker.thaw()
        stack.wait_for(lambda: stack.sql(waiting), 5, "the worker waits for the lock")
        stack.worker.freeze()
    holder.rollback()
    holder.close()
    frozen = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
        " AND application_name = 'pitboss' AND query LIKE '%%EXECUTE lock_bot_config%%'"
    )
    stack.wait_for(lambda: stack.sql(frozen), 1, "a transaction of the frozen worker is open")

    assert stack.api().do("/kill")["state"] == "stopped"

    stack.worker.thaw()
    stack.wait_for(lambda: stack.status()["pendingCommands"] == 0, 5, "nothing is pending")
    assert stack.config()["state"] == "stopped"
    kill = stack.commands()[-1]
    assert kill["kind"] == "kill"
    [start] = stack.sql("SELECT status, revision FROM bot_command WHERE id::text = %s", [command_id])
    # on a busy machine the worker may have sent its commit before it froze
    assert start["status"] == "superseded" or start["revision"] < kill["revision"], start


def test_a_kill_that_cannot_have_the_lock_is_durable_and_applied_when_it_is_free(stack: Stack):
    stack.api().do("/start")
    holder = stack.tables.connect()
    with holder.cursor() as cursor:
        # busy, not idle: nobody may end it, so the kill has to wait
        cursor.execute("SELECT 1 FROM bot_config FOR UPDATE")

        def work() -> None:
            with suppress(psycopg2.Error):
                cursor.execute("SELECT pg_sleep(60)")

        busy = threading.Thread(target=work)
        busy.start()
        response = stack.api().post("/kill")
        assert response.status_code == 202, response.text
        command_id = response.json()["commandId"]
        assert response.headers["Location"] == f"/api/bot/commands/{command_id}"
        assert stack.config()["state"] == "running"
        stack.sql("SELECT pg_terminate_backend(%s)", [holder.info.backend_pid])
        busy.join()
    holder.close()
    assert stack.wait_finished(command_id, 3)["status"] == "applied"
    assert stack.config()["state"] == "stopped"
