"""Several statements in one message, each prepared once for a connection."""

from __future__ import annotations

from contextlib import closing, suppress

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, TimeoutError

from bot.errors import DatabaseUnavailable, OutcomeUnknown
from bot.models import BotWorker
from bot.storage.database import Database
from bot.storage.pipeline import BEGIN, COMMIT, Pipeline, PreparedStatement
from tests.bot.world import TestDatabase, settings_for
from tests.support.waiting import wait_for

ONE = PreparedStatement("one", "SELECT 1")
DIVIDE = PreparedStatement("divide", "SELECT 10 / $1::integer", 1)
ADD = PreparedStatement("add_worker", "INSERT INTO bot_worker (name) VALUES ($1)", 1)
PREPARED = "SELECT name FROM pg_prepared_statements ORDER BY name"


def names(batch: Pipeline) -> list[str]:
    return [name for (name,) in batch.send(PREPARED)]


def workers(database: TestDatabase) -> list[str]:
    return [row["name"] for row in database.sql("SELECT name FROM bot_worker ORDER BY name")]


def test_a_message_gives_the_rows_of_its_last_statement(database: TestDatabase):
    assert database.pool.batched(lambda batch: batch.send(ONE(), DIVIDE(5))) == [(2,)]
    assert database.pool.batched(lambda batch: batch.send(BEGIN, ADD("w"), COMMIT)) == []
    assert workers(database) == ["w"]


def test_a_statement_is_prepared_once_for_a_connection(database: TestDatabase):
    def twice(batch: Pipeline) -> list[str]:
        for number in (1, 2, 5):
            assert batch.send(DIVIDE(number)) == [(10 // number,)]
        return names(batch)

    assert len([name for name in database.pool.batched(twice) if name.startswith("divide")]) == 1


def test_what_a_failed_message_had_prepared_does_not_stand_in_the_way_of_the_next(database: TestDatabase):
    fresh = PreparedStatement("fresh", "SELECT 2")

    def fail_and_go_on(batch: Pipeline) -> None:
        with suppress(DBAPIError):
            batch.send(BEGIN, fresh(), DIVIDE(0))  # the first is prepared, the second fails
        batch.abandon()
        assert not batch.is_open
        assert batch.send(fresh()) == [(2,)]
        assert batch.send(DIVIDE(2)) == [(5,)]

    database.pool.batched(fail_and_go_on)
    assert database.pool.batched(lambda batch: batch.send(fresh())) == [(2,)]


def test_what_was_begun_is_rolled_back_when_the_work_fails(database: TestDatabase):
    def work(batch: Pipeline) -> None:
        batch.send(BEGIN, ADD("half done"))
        raise KeyError("a mistake")

    with pytest.raises(KeyError):
        database.pool.batched(work)
    assert workers(database) == []
    assert database.pool.batched(lambda batch: batch.is_open) is False


def test_work_that_forgets_to_commit_is_an_error_and_not_a_loss_without_a_word(database: TestDatabase):
    with pytest.raises(RuntimeError, match="end the transaction"):
        database.pool.batched(lambda batch: batch.send(BEGIN, ADD("forgotten")))
    assert workers(database) == []


def test_a_commit_that_postgres_turned_into_a_rollback_is_not_taken_for_one(database: TestDatabase):
    def work(batch: Pipeline) -> None:
        batch.send(BEGIN, ADD("lost"))
        with suppress(DBAPIError):
            batch.send(DIVIDE(0))
        batch.send(COMMIT)

    with pytest.raises(RuntimeError, match="not committed"):
        database.pool.batched(work)
    assert workers(database) == []


def test_what_a_session_changed_is_sent_before_the_commit(database: TestDatabase):
    def work(batch: Pipeline) -> None:
        batch.send(BEGIN)
        batch.session.add(BotWorker(name="by a session"))
        batch.send(ADD("by a step"), COMMIT)

    database.pool.batched(work)
    assert workers(database) == ["by a session", "by a step"]


@pytest.mark.parametrize(("decides", "told"), [(True, OutcomeUnknown), (False, DatabaseUnavailable)])
def test_a_connection_that_breaks_leaves_the_outcome_unknown_only_if_something_was_decided(
    database: TestDatabase, decides: bool, told: type[Exception]
):
    attempts = []

    def work(batch: Pipeline) -> None:
        attempts.append(1)
        batch.send("SELECT pg_terminate_backend(pg_backend_pid())", decides=decides)

    with pytest.raises(told) as raised:
        database.pool.batched(work)
    assert type(raised.value) is told
    assert len(attempts) == 2, "it is tried again once"
    assert database.pool.batched(lambda batch: batch.send(ONE())) == [(1,)]


def test_a_connection_that_broke_while_it_idled_is_noticed_before_anything_is_sent_on_it(
    database: TestDatabase,
):
    [(pid,)] = database.pool.batched(lambda batch: batch.send("SELECT pg_backend_pid()"))
    database.sql("SELECT pg_terminate_backend(%s)", [pid])
    wait_for(
        lambda: not database.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]), 5, "it has ended"
    )
    attempts = []

    def work(batch: Pipeline) -> None:
        attempts.append(1)
        batch.send(BEGIN, ADD("w"), COMMIT, decides=True)

    database.pool.batched(work)
    assert (len(attempts), workers(database)) == (1, ["w"])


def test_an_unknown_outcome_stays_unknown_when_no_connection_becomes_free_to_ask(database: TestDatabase):
    pool = Database.connect(settings_for(database.url))

    def nobody_is_free(*_: object) -> None:
        raise TimeoutError("no connection became free")

    def work(batch: Pipeline) -> None:
        event.listen(batch.session.get_bind().engine, "do_connect", nobody_is_free)
        batch.send("SELECT pg_terminate_backend(pg_backend_pid())", decides=True)

    with closing(pool), pytest.raises(OutcomeUnknown):
        pool.batched(work)


def test_a_prepared_statement_that_is_gone_is_prepared_again(database: TestDatabase):
    for _ in range(2):
        assert database.pool.batched(lambda batch: batch.send(ONE())) == [(1,)]
        database.pool.batched(lambda batch: batch.send("DEALLOCATE ALL"))


def test_a_column_that_a_migration_changes_does_not_break_the_connections_that_read_it(
    database: TestDatabase,
):
    names_of = PreparedStatement("names_of_workers", "SELECT name FROM bot_worker")
    database.pool.batched(lambda batch: batch.send(BEGIN, ADD("w"), COMMIT))
    assert database.pool.batched(lambda batch: batch.send(names_of())) == [("w",)]
    try:
        database.sql("ALTER TABLE bot_worker ALTER COLUMN name TYPE varchar(80)")
        assert database.pool.batched(lambda batch: batch.send(names_of())) == [("w",)]
    finally:
        database.sql("ALTER TABLE bot_worker ALTER COLUMN name TYPE text")
