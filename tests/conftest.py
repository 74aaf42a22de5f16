"""Real servers for the tests: one PostgreSQL and one Redis-protocol server per process that runs tests (pytest-xdist
starts some), a database of its own per test.

TEST_DATABASE_URL (of an account that may create databases) and TEST_REDIS_URL (whose databases 1 to 15 are emptied!)
replace the embedded servers.
"""

import importlib.util
import os
import signal
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import psycopg2
import pytest
import redis
from sqlalchemy.engine import make_url

from launcher.embedded import Postgres, Valkey
from launcher.reaper import Guard
from tests.support import ports, times
from tests.support.fixtures import (
    fresh_stack,
    make_client,
    make_module_stack,
    make_stack,
    shared_stack,
    stack,
    tables,
    workshop,
)
from tests.support.migrations import migrate
from tests.support.stack import Stack

__all__ = [
    "fresh_stack",
    "make_client",
    "make_module_stack",
    "make_stack",
    "shared_stack",
    "stack",
    "tables",
    "workshop",
]

# a run in a shell's background inherits that Ctrl-C is ignored, and would hand that on to the programs under test
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    times.add_option(parser)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("times"):
        times.show(terminalreporter)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long by itself begins first. The files of each folder are spread over the run: some folders wait most of the
    time, others keep the processors busy."""
    folders: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(item.path for item in items):
        folders.setdefault(path.parent, []).append(path)
    places = {path: (n + 0.5) / len(paths) for paths in folders.values() for n, path in enumerate(paths)}
    items.sort(key=lambda item: (item.get_closest_marker("first") is None, places[item.path]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the processes logged beside a failure of a test that drove them."""
    report = yield
    if report.failed:
        fixtures = getattr(item, "funcargs", {}).values()
        for driven in {id(each): each for each in fixtures if isinstance(each, Stack)}.values():
            report.sections.append(("logs of the stack", driven.logs()))
    return report


class DatabaseServer:
    """Makes and drops databases."""

    def __init__(self, admin_url: str) -> None:
        self._url = make_url(admin_url).set(drivername="postgresql")
        self._numbers = count(1)

    def url_of(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    def create(self, *, template: str = "template0") -> str:
        """The new database's name; it is unique among runs on the same server, too."""
        name = f"pitboss_test_{os.getpid()}_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        self._execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with closing(psycopg2.connect(self.url_of(self._url.database or "postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)


@pytest.fixture(scope="session")
def server_dir() -> Iterator[Path]:
    # Not pytest's own directory: root's PostgreSQL runs under another account and must get through to it.
    with tempfile.TemporaryDirectory(prefix="pitboss-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def guard() -> Iterator[Guard]:
    """Stops the servers also when pytest itself is killed."""
    guard = Guard()
    yield guard
    guard.dismiss()


@pytest.fixture(scope="session")
def postgres_server(server_dir: Path, guard: Guard) -> Iterator[DatabaseServer]:
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield DatabaseServer(given)
        return
    # Nothing is proved about power cuts with it, so it need not wait for the disk. Crash tests start their own.
    server = Postgres(
        server_dir / "postgres",
        port=ports.free(),
        durable=False,
        options={"max_connections": "600"},
        guard=guard,
    )
    server.start()
    yield DatabaseServer(server.url_of("postgres"))
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres_server: DatabaseServer) -> Iterator[str]:
    """A database that was migrated once, for all others to be copied from."""
    name = postgres_server.create()
    if importlib.util.find_spec("web") is not None:
        migrate(postgres_server.url_of(name))
    yield name
    postgres_server.drop(name)


@pytest.fixture
def database_url(postgres_server: DatabaseServer, template_database: str) -> Iterator[str]:
    """A migrated database for one test."""
    with _copy(postgres_server, template_database) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres_server: DatabaseServer, template_database: str) -> Iterator[str]:
    """A migrated database that the tests of one file share."""
    with _copy(postgres_server, template_database) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: DatabaseServer) -> Iterator[str]:
    """A database without a single table."""
    with _copy(postgres_server, "template0") as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server(server_dir: Path, guard: Guard) -> Iterator[str]:
    """The server's URL; use `redis_url`."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    server = Valkey(server_dir / "valkey", port=ports.free(), guard=guard)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def _redis_databases() -> list[int]:
    """Those of this process, which may share a server that was given with others of this run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = 15 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return list(range(1 + worker * share, 1 + (worker + 1) * share))


@pytest.fixture
def redis_url(valkey_server: str, _redis_databases: list[int]) -> Iterator[str]:
    """An empty Redis database for one test."""
    with _borrow(valkey_server, _redis_databases) as url:
        yield url


@pytest.fixture(scope="module")
def module_redis_url(valkey_server: str, _redis_databases: list[int]) -> Iterator[str]:
    """An empty Redis database that the tests of one file share."""
    with _borrow(valkey_server, _redis_databases) as url:
        yield url


@contextmanager
def _copy(server: DatabaseServer, template: str) -> Iterator[str]:
    name = server.create(template=template)
    yield server.url_of(name)
    server.drop(name)


@contextmanager
def _borrow(server_url: str, free: list[int]) -> Iterator[str]:
    number = free.pop(0)
    url = (
        f"{server_url.rsplit('/', 1)[0]}/{number}" if server_url.count("/") > 2 else f"{server_url}/{number}"
    )
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
    free.append(number)
