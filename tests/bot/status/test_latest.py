"""The latest snapshot is never older than the last commit, though its rows are read again only when somebody committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import count
from typing import Any

import pytest

from bot import market_hours
from bot.status import latest as latest_module
from bot.status import snapshot as snapshot_module
from bot.status.latest import latest
from bot.status.snapshot import Rows, Snapshot, snapshot
from bot.storage.database import Database
from bot.storage.pipeline import Pipeline
from tests.bot.world import TestDatabase, connect, settings_for
from tests.support.waiting import wait_for


@pytest.fixture
def one(database: TestDatabase) -> Iterator[Database]:
    """A way to the database over one connection."""
    with closing(Database.connect(settings_for(database.url), pool_size=1, overflow=0)) as made:
        yield made


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Rows]:
    """What was read of the rows, as it comes."""
    made: list[Rows] = []
    read = snapshot_module.read

    def noted(batch: Pipeline) -> Rows:
        made.append(read(batch))
        return made[-1]

    monkeypatch.setattr(snapshot_module, "read", noted)
    return made


@contextmanager
def in_progress(database: TestDatabase) -> Iterator[Any]:
    """A transaction of another program that has changed the bot's row and is not committed yet."""
    with closing(connect(database.url)) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE bot_config SET revision = revision + 1")
        yield connection


def midnight_after(rows: Rows) -> datetime:
    tomorrow = market_hours.trading_date(rows.snapshot.now) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), market_hours.NEW_YORK)


def revision(database: Database) -> int:
    return database.batched(latest).config.revision


def test_rows_are_read_again_only_when_somebody_committed(
    database: TestDatabase, one: Database, reads: list[Rows]
) -> None:
    found: list[Snapshot] = []

    def finds_what_was_kept() -> bool:
        before = len(reads)
        found.append(one.batched(latest))
        return len(reads) == before

    # Postgres may commit something by itself meanwhile
    wait_for(lambda: all(finds_what_was_kept() for _ in range(3)), 10, "nothing is read again")
    moments = [each.now for each in found]
    assert moments == sorted(set(moments)), "each is of its own moment"
    assert {each.config for each in found} == {found[0].config}
    database.sql("UPDATE bot_config SET revision = 7")
    assert revision(one) == 7


def test_it_says_what_a_snapshot_says(database: TestDatabase, one: Database) -> None:
    database.sql("INSERT INTO bot_worker (name, started_at, last_seen_at) VALUES ('w', now(), now())")
    one.batched(latest)
    kept, fresh = one.batched(lambda batch: (latest(batch), snapshot(batch)))
    assert kept.now < fresh.now
    for name in Snapshot.__dataclass_fields__.keys() - {"now"}:
        assert getattr(kept, name) == getattr(fresh, name), name


def commit(connection: Any) -> None:
    connection.commit()


def commit_in_parts(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT part")
        cursor.execute("UPDATE bot_config SET enabled = enabled")
        cursor.execute("RELEASE part")
    connection.commit()


@pytest.mark.parametrize("end", [commit, commit_in_parts])
@pytest.mark.parametrize("others_commit", [False, True])
def test_what_was_in_progress_at_one_read_is_seen_by_the_next_when_it_is_committed(
    database: TestDatabase, one: Database, end: Callable[[Any], None], *, others_commit: bool
) -> None:
    before = revision(one)
    with in_progress(database) as connection:
        if others_commit:
            database.sql("INSERT INTO bot_worker (name, started_at, last_seen_at) VALUES ('w', now(), now())")
        assert [revision(one) for _ in range(3)] == [before] * 3
        end(connection)
        assert revision(one) == before + 1


def test_nothing_is_kept_while_a_transaction_is_in_progress_that_began_before_the_last_commit(
    database: TestDatabase, one: Database, reads: list[Rows]
) -> None:
    with in_progress(database) as connection:
        database.sql("INSERT INTO bot_worker (name, started_at, last_seen_at) VALUES ('w', now(), now())")
        for _ in range(3):
            revision(one)
        assert len(reads) == 3
        connection.rollback()


def test_a_transaction_reads_what_it_has_changed_itself(one: Database, reads: list[Rows]) -> None:
    before = revision(one)

    def change(batch: Pipeline) -> int:
        batch.send("BEGIN", "UPDATE bot_config SET revision = revision + 1")
        try:
            return latest(batch).config.revision
        finally:
            batch.abandon()

    assert one.batched(change) == before + 1
    assert revision(one) == before


def test_a_connection_that_was_lost_takes_what_it_had_read_with_it(
    database: TestDatabase, one: Database, reads: list[Rows]
) -> None:
    one.batched(latest)
    database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    one.batched(latest)
    assert len(reads) == 2


def test_a_heartbeat_that_is_yet_to_come_ends_what_was_read_when_its_time_has_come(
    database: TestDatabase, one: Database, reads: list[Rows]
) -> None:
    [row] = database.sql(
        "INSERT INTO bot_worker (name, started_at, last_seen_at)"
        " VALUES ('w', now(), clock_timestamp() + interval '30 seconds') RETURNING last_seen_at"
    )
    assert one.batched(latest).worker_seen_at is None
    [rows] = reads
    assert rows.until == min(row["last_seen_at"], midnight_after(rows))


def test_a_worker_falls_silent_without_anybody_committing_that(
    database: TestDatabase, one: Database, reads: list[Rows]
) -> None:
    database.sql(
        "INSERT INTO bot_worker (name, started_at, last_seen_at)"
        " VALUES ('w', now(), clock_timestamp() - interval '7 seconds')"
    )
    one.batched(latest)
    silent = wait_for(
        lambda: next(each for each in [one.batched(latest)] if not each.worker_online),
        5,
        "it was not seen for 8 s",
    )
    assert silent.worker_seen_at is not None
    assert silent.now - silent.worker_seen_at >= timedelta(seconds=8)


def test_the_rows_count_until_midnight_in_new_york(one: Database, reads: list[Rows]) -> None:
    one.batched(latest)
    [rows] = reads
    assert rows.until == midnight_after(rows)


@pytest.mark.parametrize(
    ("read_after", "until_after"),
    [(timedelta(0), timedelta(0)), (timedelta(hours=1), timedelta(hours=2))],
    ids=["their time is over", "the clock was put back"],
)
def test_rows_that_do_not_hold_at_this_moment_are_read_again(
    one: Database, reads: list[Rows], read_after: timedelta, until_after: timedelta
) -> None:
    one.batched(latest)
    [rows] = reads
    read_at = rows.snapshot.now
    moved = Rows(replace(rows.snapshot, now=read_at + read_after), rows.commits, read_at + until_after)
    one.batched(lambda batch: batch.memory.update({latest_module._KEPT: moved}))
    one.batched(latest)
    assert len(reads) == 2


def test_who_commits_and_reads_at_once_reads_what_was_committed_whatever_others_do(
    database: TestDatabase, reads: list[Rows]
) -> None:
    """Four clients commit and read; four more only read, and two have transactions that last, half of which come to nothing."""
    rounds = 200
    stopping = threading.Event()

    def commit_and_read(_: int) -> list[tuple[int, int]]:
        stale: list[tuple[int, int]] = []
        with closing(connect(database.url)) as connection, connection.cursor() as cursor:
            for _ in range(rounds):
                cursor.execute("UPDATE bot_config SET revision = revision + 1 RETURNING revision")
                committed = cursor.fetchone()["revision"]
                connection.commit()
                seen = [revision(database.pool) for _ in range(2)]
                if min(seen) < committed:
                    stale.append((committed, min(seen)))
        return stale

    def read_on() -> int:
        made = 0
        while not stopping.is_set():
            revision(database.pool)
            made += 1
        return made

    def take_long(name: str) -> None:
        with closing(connect(database.url)) as connection, connection.cursor() as cursor:
            for number in count():
                cursor.execute(
                    "INSERT INTO bot_condition (name, since) VALUES (%s, now())", [f"{name}{number}"]
                )
                stopping.wait(0.005)
                (connection.rollback if number % 2 else connection.commit)()
                if stopping.wait(0.02):
                    return

    with ThreadPoolExecutor(10) as threads:
        others = [threads.submit(read_on) for _ in range(4)] + [
            threads.submit(take_long, name) for name in "ab"
        ]
        writers = [threads.submit(commit_and_read, number) for number in range(4)]
        try:
            stale = [each for writer in writers for each in writer.result(100)]
        finally:
            stopping.set()
        asked = 4 * 2 * rounds + sum(each.result(10) or 0 for each in others)
    assert stale == []
    assert len(reads) < asked, "some found what was kept"
