"""Fixtures for tests of the real system. A folder's conftest.py exposes them by importing them.

stack           the shared system, reset; kill its worker or its web at will, the next reset starts them again
fresh_stack     a running system of one's own, for tests that kill Redis, switch modes or need a fresh database
make_stack      makes systems of which nothing runs yet, with other settings: ``make_stack(MARKET_HOURS="nyse")``
make_module_stack   the same for systems that the tests of one file share
make_client     a client of web alone, in this process, for what needs no database: ``make_client(CORS_ORIGINS="…")``
tables          the tables of a test's own database
database        Pitboss's database by the test's ``settings``; a folder's conftest.py exposes it by importing ``database_by_settings``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from bot.settings.settings import Settings
from bot.storage.database import Database
from launcher.reaper import Guard
from tests.support import invariants
from tests.support.client import API_TOKENS
from tests.support.reset import reset
from tests.support.stack import Stack
from tests.support.tables import Tables

StackFactory = Callable[..., Stack]
ClientFactory = Callable[..., FlaskClient]

_numbers = count(1)


class Workshop:
    """Makes systems with a database of their own, and ends them."""

    def __init__(self, postgres_server: Any, template: str, directory: Path, guard: Guard) -> None:
        self._postgres = postgres_server
        self._template = template
        self._directory = directory
        self._guard = guard

    @contextmanager
    def open(self) -> Iterator[StackFactory]:
        """A function that makes systems; all are ended with the context, and their tables checked before."""
        made: list[Stack] = []
        with ExitStack() as cleanup:

            def make(*, database_url: str | None = None, **env: str) -> Stack:
                if database_url is None:
                    database = self._postgres.create(template=self._template)
                    cleanup.callback(self._postgres.drop, database)
                    database_url = self._postgres.url_of(database)
                directory = self._directory / f"stack-{next(_numbers)}"
                made.append(Stack(directory, database_url, guard=self._guard, env=env))
                cleanup.callback(made[-1].close)
                return made[-1]

            yield make
            for stack in made:
                invariants.check(stack.tables)
                assert not (leaked := stack.leaked_secrets()), f"in the logs: {leaked}"


@pytest.fixture(scope="session")
def workshop(postgres_server: Any, template_database: str, server_dir: Path, guard: Guard) -> Workshop:
    return Workshop(postgres_server, template_database, server_dir, guard)


@pytest.fixture(scope="session")
def shared_stack(workshop: Workshop) -> Iterator[Stack]:
    """One running system for the whole run; use ``stack``."""
    with workshop.open() as make:
        yield make().start()


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """The shared system: all of it running; stopped, not enabled, not killed, paper, no trades, no faults, default
    thresholds, reconciled."""
    reset(shared_stack)
    return shared_stack


@pytest.fixture
def make_stack(workshop: Workshop) -> Iterator[StackFactory]:
    """Makes systems of which nothing runs yet."""
    with workshop.open() as make:
        yield make


@pytest.fixture(scope="module")
def make_module_stack(workshop: Workshop) -> Iterator[StackFactory]:
    """Makes systems of which nothing runs yet; they last as long as the tests of the file."""
    with workshop.open() as make:
        yield make


@pytest.fixture
def fresh_stack(make_stack: StackFactory) -> Stack:
    """A running system of one's own: web, one worker, broker and Redis, on a fresh database."""
    return make_stack().start()


@pytest.fixture
def make_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ClientFactory:
    """Makes clients of web alone, whose database cannot be reached."""
    from web.app import create_app  # most test processes do without web

    def make(**settings: str) -> FlaskClient:
        given = {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "API_TOKENS": API_TOKENS,
            "SECRET_KEY": "secret-key-of-the-tests",
            "DATA_DIR": str(tmp_path),
            **settings,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return create_app().test_client()

    return make


@pytest.fixture
def tables(database_url: str) -> Iterator[Tables]:
    """The tables of the test's own database, past all of Pitboss's code."""
    tables = Tables(database_url)
    yield tables
    tables.close()


@pytest.fixture(name="database")
def database_by_settings(settings: Settings) -> Iterator[Database]:
    """Pitboss's own way to the database that the test's ``settings`` name."""
    database = Database.connect(settings)
    yield database
    database.close()
