"""A database for each file, emptied before each test; one sandbox for all, with an account of its own per test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from bot.settings.settings import Settings
from sandbox.server import Server
from tests.bot.account import Account
from tests.bot.fake_account import FakeAccount, FakeBroker, fake_broker
from tests.bot.world import TestDatabase, World

_numbers = count(1)


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {*Settings.model_fields} & {name.lower() for name in os.environ}:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def account(sandbox: Server) -> Iterator[Callable[[], Account]]:
    """Makes accounts that nobody else uses; every fault is healed afterwards."""
    made: list[Account] = []

    def make() -> Account:
        made.append(Account(sandbox, f"PK{next(_numbers)}"))
        return made[-1]

    yield make
    if made:
        made[0].control("DELETE", "/faults")


@pytest.fixture(scope="session")
def _fake_broker() -> Iterator[FakeBroker]:
    with fake_broker() as broker:
        yield broker


@pytest.fixture
def fake_account(_fake_broker: FakeBroker) -> Callable[[], FakeAccount]:
    """Makes accounts at a played Alpaca that nobody else uses."""
    return _fake_broker.account


@pytest.fixture(scope="module")
def _database(module_database_url: str) -> Iterator[TestDatabase]:
    database = TestDatabase(module_database_url)
    yield database
    database.close()


@pytest.fixture
def database(_database: TestDatabase) -> TestDatabase:
    """The database of the file, as it was after the migration."""
    _database.reset()
    return _database


@pytest.fixture
def make_world(database: TestDatabase, account: Callable[[], Account]) -> Callable[..., World]:
    def make(*, live: bool = False, **overrides: Any) -> World:
        return World(database, account(), account() if live else None, **overrides)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Paper keys only."""
    return make_world()


@pytest.fixture
def make_fake_world(
    database: TestDatabase, fake_account: Callable[[], FakeAccount]
) -> Callable[..., World[FakeAccount]]:
    """The same with accounts at a played Alpaca."""

    def make(*, live: bool = False, **overrides: Any) -> World[FakeAccount]:
        return World(database, fake_account(), fake_account() if live else None, **overrides)

    return make


@pytest.fixture
def fake_world(make_fake_world: Callable[..., World[FakeAccount]]) -> World[FakeAccount]:
    """Paper keys only, for an account at a played Alpaca."""
    return make_fake_world()
