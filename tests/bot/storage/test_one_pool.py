"""One pool has the connections for transactions and for single statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.storage.database import Database
from bot.storage.pipeline import Pipeline
from tests.bot.world import TestDatabase, settings_for

ADD = "INSERT INTO bot_worker (name, last_seen_at) VALUES ('w', clock_timestamp())"


@pytest.fixture
def pool(database: TestDatabase) -> Iterator[Database]:
    """With one connection, which everything has to use."""
    with closing(Database.connect(settings_for(database.url), 1, overflow=0)) as made:
        yield made


def add_and_fail(session: Session) -> None:
    session.execute(text(ADD))
    raise LookupError


def workers(pool: Database) -> int:
    return int(pool.read(lambda session: session.scalar(text("SELECT count(*) FROM bot_worker"))))


def test_a_transaction_after_single_statements_is_rolled_back_whole(pool: Database) -> None:
    pool.batched(lambda batch: batch.send("SELECT 1"))
    assert workers(pool) == 0
    with pytest.raises(LookupError):
        pool.run(add_and_fail)
    assert workers(pool) == 0


def test_a_single_statement_after_a_transaction_is_committed_by_itself(pool: Database) -> None:
    pool.run(lambda session: session.execute(text("SELECT 1")))
    with pytest.raises(LookupError):
        pool.read(add_and_fail)
    pool.batched(lambda batch: batch.send(ADD.replace("'w'", "'v'")))
    assert workers(pool) == 2


def test_what_failed_leaves_its_connection_fit_for_both(pool: Database) -> None:
    def fail_within(batch: Pipeline) -> None:
        batch.send("BEGIN", ADD)
        raise LookupError

    with pytest.raises(LookupError):
        pool.batched(fail_within)
    with pytest.raises(LookupError):
        pool.run(add_and_fail)
    assert workers(pool) == 0
