"""The copy that each web process keeps of who may come in: what it lets in, and for how long, whatever Postgres does."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from bot.access import alerts, sessions, tokens
from bot.access.sessions import NewSession
from bot.models import AlertKind
from bot.settings.settings import Settings
from bot.settings.tokens import Role
from bot.storage.database import Database
from tests.support.client import API_TOKENS
from tests.support.tables import Tables
from web.auth.directory import UNSEEN_SEC, Directory

KEY = "secret-key-of-the-tests"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",
        api_tokens=API_TOKENS,
        session_idle_min=30,
    )


@pytest.fixture
def directory(database: Database, settings: Settings) -> Directory:
    directory = Directory(database, settings)
    directory.use_key(KEY)
    return directory


def login() -> NewSession:
    return NewSession(uuid4(), "operator", Role.OPERATOR, "operator", "127.0.0.1", None)


def test_a_session_that_lies_idle_ends_and_one_that_is_used_does_not(
    directory: Directory, database: Database, tables: Tables
) -> None:
    idle, used = login(), login()
    for each in (idle, used):
        database.run(partial(sessions.begin, new=each))
    tables.sql("UPDATE bot_session SET last_seen_at = now() - interval '31 minutes'")
    directory.note_seen(used.id)
    directory._refresh()
    assert not directory.admits(idle.id, time.time() - 1900)
    assert directory.admits(used.id, time.time() - 1900)
    directory._note()
    directory._write()
    rows = tables.sql("SELECT id::text FROM bot_session WHERE last_seen_at > now() - interval '1 minute'")
    assert [row["id"] for row in rows] == [str(used.id)]


def test_a_session_that_could_not_be_written_counts_for_a_while_and_no_longer(directory: Directory) -> None:
    stranger = uuid4()
    assert directory.admits(stranger, time.time()), "nothing was read yet"
    directory._refresh()
    assert directory.admits(stranger, time.time())
    assert not directory.admits(stranger, time.time() - UNSEEN_SEC - 1)


def test_a_logout_counts_also_while_its_row_cannot_be_written(
    directory: Directory, database: Database
) -> None:
    new = login()
    directory.begin(new)
    directory.end(new, "logout")
    assert not directory.admits(new.id, time.time())
    directory._write()
    directory._refresh()
    assert not directory.admits(new.id, time.time())


def test_a_token_is_known_by_its_hash_under_the_key_and_by_nothing_else(
    directory: Directory, database: Database, tables: Tables
) -> None:
    token = tokens.make()
    database.run(
        lambda session: tokens.add(session, "desk", Role.VIEWER, token, KEY, lasts=timedelta(seconds=60))
    )
    directory._refresh()
    found = directory.holder(directory.hash_of(token))
    assert found is not None
    assert (found.name, found.role) == ("desk", "viewer")
    [row] = tables.sql("SELECT hash FROM bot_token")
    assert directory.holder(directory.hash_of(row["hash"])) is None, "what is kept is not what is shown"
    other = Directory(database, Settings(_env_file=None, redis_url="redis://127.0.0.1:1/0"))
    other.use_key("another-key-of-the-tests")
    other._refresh()
    assert other.holder(other.hash_of(token)) is None
    directory.note_use(found, "10.0.0.7")
    directory._note()
    directory._write()
    [row] = tables.sql("SELECT last_used_from, last_used_at IS NOT NULL AS used FROM bot_token")
    assert row == {"last_used_from": "10.0.0.7", "used": True}


def test_the_copy_holds_while_postgres_is_away(
    directory: Directory, database: Database, settings: Settings
) -> None:
    new = login()
    database.run(lambda session: sessions.begin(session, new))
    directory._refresh()
    gone = settings.model_copy(update={"database_url": "postgresql+psycopg2://nobody@127.0.0.1:1/none"})
    directory._database = Database.connect(gone)
    with pytest.raises(Exception, match="cannot be reached"):
        directory._refresh()
    assert directory.admits(new.id, time.time())
    assert directory.holder(directory.hash_of("operator-token-of-the-tests")) is not None


def test_the_same_refusal_is_told_once_in_a_while(database: Database, tables: Tables) -> None:
    """Whoever guesses tokens must not flood those who are told."""

    def tell(address: str) -> None:
        database.run(lambda session: alerts.tell_once(session, AlertKind.LOCKED_OUT, {"address": address}))

    for address in ("10.0.0.7", "10.0.0.7", "10.0.0.8"):
        tell(address)
    told = tables.sql("SELECT facts ->> 'address' AS address FROM bot_alert ORDER BY seq")
    assert [each["address"] for each in told] == ["10.0.0.7", "10.0.0.8"]
    tables.sql("UPDATE bot_alert SET created_at = created_at - interval '11 minutes'")
    tell("10.0.0.7")
    assert len(tables.sql("SELECT 1 FROM bot_alert")) == 3


def test_one_that_lies_idle_is_not_listed(
    directory: Directory, database: Database, settings: Settings, tables: Tables
) -> None:
    idle, used = login(), login()
    for each in (idle, used):
        database.run(partial(sessions.begin, new=each))
    tables.sql(
        "UPDATE bot_session SET last_seen_at = now() - interval '31 minutes' WHERE id::text = %s",
        [str(idle.id)],
    )
    listed = database.read(lambda session: sessions.of_actor(session, "operator", settings.session_idle))
    assert [each.id for each in listed] == [used.id]


def test_a_token_ends_at_its_time_in_the_copy_and_in_the_table(
    directory: Directory, database: Database, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.make()
    database.run(
        lambda session: tokens.add(session, "guest", Role.VIEWER, token, KEY, lasts=timedelta(seconds=60))
    )
    directory._refresh()
    proof = directory.hash_of(token)
    assert directory.holder(proof) is not None
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert directory.holder(proof) is None, "the copy was not read again"
    monkeypatch.undo()
    tables.sql("UPDATE bot_token SET expires_at = clock_timestamp()")
    assert database.batched(tokens.valid) == []
