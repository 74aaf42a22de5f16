"""Postgres goes away and comes back: everybody says so meanwhile, and nobody has to be restarted."""

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
import requests
from sqlalchemy import event, text

from bot.errors import DatabaseUnavailable
from bot.storage.database import Database
from bot.storage.pipeline import Pipeline
from launcher.embedded import Postgres
from tests.bot.world import settings_for
from tests.support import envelope
from tests.support.messages import Messages
from tests.support.stack import Stack

#: After Postgres is back, the next command is applied within this time, in seconds.
BACK_WITHIN_SEC = 5.0
#: A minute, and more than the 60 s after which Redis gives a message that nobody acknowledged to the next one who asks.
MINUTE_SEC = 65.0


def applied(stack: Stack) -> bool:
    return stack.api().post("/reconcile").status_code == 200


@pytest.mark.parametrize("how", ["stopped in good order", "killed"])
def test_web_says_503_in_the_envelope_meanwhile_and_recovers_without_a_restart(
    crash_stack: Stack, own_postgres: Postgres, how: str
):
    pids = [crash_stack.web.pid, *crash_stack.web.children()]
    rows = len(crash_stack.commands())
    own_postgres.kill() if how == "killed" else own_postgres.stop()
    operator = crash_stack.api()
    calls: list[Callable[[], requests.Response]] = [
        lambda: operator.get("/status"),
        lambda: operator.get("/commands"),
        lambda: operator.get("/trades"),
        lambda: operator.post("/start"),
        lambda: operator.post("/kill"),
        lambda: operator.post("/reconcile"),
        lambda: operator.patch("/config", {"maxConcurrentPositions": 4}),
    ]
    for call in calls:
        answer = call()
        body = envelope.check(answer, 503, "database_unavailable")
        assert "commandId" not in body["details"]  # nothing was accepted, and nothing happens later
        assert int(answer.headers["Retry-After"]) > 0
    envelope.check(operator.get("//readyz"), 503, "not_ready")
    assert operator.get("//healthz").status_code == 200

    own_postgres.start()
    crash_stack.wait_for(lambda: applied(crash_stack), BACK_WITHIN_SEC, "a command is applied")
    assert [crash_stack.web.pid, *crash_stack.web.children()] == pids
    kinds = {row["kind"] for row in crash_stack.commands()[rows:]}
    assert kinds == {"reconcile"}


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_worker_that_loses_postgres_for_a_minute_comes_back_by_itself(
    crash_stack: Stack, own_postgres: Postgres
):
    pids = [crash_stack.worker.pid, *crash_stack.worker.children()]
    messages = Messages(crash_stack.redis.url)
    own_postgres.kill()
    messages.announce("start", str(uuid4()))
    by_hand = messages.send("update_config", maxConcurrentPositions=3)
    too_late = [
        messages.send("start"),  # its age counts from its first delivery
        messages.send("start", headers={"pitboss_sent_at": time.time()}),  # as Celery's command line sends it
    ]
    time.sleep(MINUTE_SEC)
    own_postgres.start()

    crash_stack.wait_for(lambda: applied(crash_stack), BACK_WITHIN_SEC, "a command is applied")
    crash_stack.wait_for(lambda: crash_stack.status()["worker"]["online"], 5, "the worker shows as online")
    assert [crash_stack.worker.pid, *crash_stack.worker.children()] == pids
    assert "Traceback" not in crash_stack.worker.log()  # it is said in a sentence

    # the commands by hand waited in the queue all the while, and are there once
    assert crash_stack.wait_finished(by_hand, 10)["status"] == "applied"
    for late in too_late:
        assert crash_stack.wait_finished(late, 10)["status"] == "expired"
    ids = [str(row["id"]) for row in crash_stack.commands() if row["source"] == "celery"]
    assert sorted(ids) == sorted([by_hand, *too_late])


def test_a_worker_that_starts_while_postgres_is_away_waits_for_it(crash_stack: Stack, own_postgres: Postgres):
    crash_stack.worker.kill()
    own_postgres.stop()
    crash_stack.start_worker(wait=False)
    crash_stack.wait_for(
        lambda: "the worker cannot start yet" in crash_stack.worker.log(), 15, "the worker says that it waits"
    )
    own_postgres.start()

    crash_stack.wait_for(lambda: applied(crash_stack), BACK_WITHIN_SEC, "a command is applied")
    assert crash_stack.worker.running
    assert crash_stack.status()["reconciliation"]["outcome"] == "ok"


def test_what_was_accepted_before_postgres_crashed_is_named_and_happens(
    crash_stack: Stack, own_postgres: Postgres
):
    crash_stack.worker.kill()  # so that the request waits
    crash_stack.sql("DELETE FROM bot_worker")
    answers: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(crash_stack.api().post("/reconcile", headers={"Prefer": "wait=3"}))
    )
    asking.start()
    crash_stack.wait_for(
        lambda: crash_stack.sql("SELECT 1 FROM bot_command WHERE status = 'queued'"), 5, "it is in the log"
    )
    own_postgres.kill()
    asking.join()
    own_postgres.start()

    body = envelope.check(answers[0], 503, "outcome_unknown")
    command_id = body["details"]["commandId"]
    assert answers[0].headers["Location"] == f"/api/bot/commands/{command_id}"
    crash_stack.start_worker()
    assert crash_stack.wait_finished(command_id)["status"] == "applied"


def test_a_wait_outlasts_a_short_restart_of_postgres(crash_stack: Stack, own_postgres: Postgres):
    crash_stack.worker.freeze()
    answers: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(crash_stack.api().post("/reconcile", headers={"Prefer": "wait=10"}))
    )
    asking.start()
    crash_stack.wait_for(
        lambda: crash_stack.sql("SELECT 1 FROM bot_command WHERE status = 'queued'"), 5, "it is in the log"
    )
    own_postgres.restart_immediate()
    crash_stack.worker.thaw()
    asking.join()
    assert answers[0].status_code == 200, answers[0].text


def test_the_pool_hands_out_no_dead_connection_twice(database_url: str):
    database = Database.connect(settings_for(database_url), pool_size=4)
    broken: list[str] = []
    event.listen(
        database.engine, "handle_error", lambda context: broken.append(str(context.original_exception))
    )

    def ask(_: object = None) -> None:
        assert database.run(lambda session: session.execute(text("SELECT 1")).scalar()) == 1

    together(8, ask)
    together(8, lambda: database.run(lambda session: session.execute(text("SELECT pg_sleep(0.1)"))))
    with database.engine.connect() as survivor:
        survivor.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        survivor.rollback()
        for _ in range(20):
            ask()
    assert len(broken) == 1  # the first one that is found dead condemns all that are as old
    database.close()


def test_neither_does_the_pool_of_batches(database_url: str):
    database = Database.connect(settings_for(database_url), pool_size=4)
    attempts: list[int] = []

    def ask(batch: Pipeline) -> None:
        attempts.append(1)
        batch.send("SELECT 1")

    def wait(batch: Pipeline) -> None:
        batch.send("SELECT pg_sleep(0.1)")

    together(8, lambda: database.batched(wait))
    with database.engine.connect() as survivor:
        # with a time-out in milliseconds it waits until they have ended
        survivor.execute(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        for _ in range(20):
            database.batched(ask)
    assert len(attempts) == 20  # each was noticed before anything was sent on it
    database.close()


def test_a_database_that_is_away_is_said_so(database_url: str):
    nowhere = settings_for(database_url.rsplit(":", 1)[0] + ":1/pitboss")
    database = Database.connect(nowhere)
    with pytest.raises(DatabaseUnavailable):
        database.run(lambda session: session.execute(text("SELECT 1")))
    database.close()


def together(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
