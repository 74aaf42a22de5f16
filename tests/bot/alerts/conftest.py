"""A database, a webhook's receiver, and services with addresses for the tests of alerts."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.alerts import destination_queue
from bot.alerts.destinations import DestinationDelivery
from bot.runtime.retry import RetryPolicy
from bot.settings.settings import Settings
from bot.storage.database import Database
from tests.bot.alerts.addresses import Make, settings_with
from tests.bot.alerts.services import Service
from tests.support.client import API_TOKENS
from tests.support.receiver import Receiver
from tests.support.tables import Tables


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook's receiver."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def settings(database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a webhook; nothing of them comes from the environment."""
    monkeypatch.setenv("DATA_DIR", "/nonexistent")
    return Settings.load(
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",
        api_tokens=API_TOKENS,
        market_hours="always",
        alert_webhook_url=receiver.url,
        alert_webhook_secret=receiver.secret,
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database.connect(settings)
    yield database
    database.close()


@pytest.fixture
def tables(database_url: str) -> Iterator[Tables]:
    """The tables, past all of Pitboss's code."""
    tables = Tables(database_url)
    yield tables
    tables.close()


@pytest.fixture
def read_only(database: Database, tables: Tables) -> Iterator[Callable[[bool], None]]:
    """Makes the database read-only, and writable again."""
    [row] = tables.sql("SELECT current_database() AS name")

    def make(wanted: bool) -> None:
        with (
            tables.connect(default_transaction_read_only="off") as connection,
            connection.cursor() as cursor,
        ):
            change = (
                "SET default_transaction_read_only = on" if wanted else "RESET default_transaction_read_only"
            )
            cursor.execute(f'ALTER DATABASE "{row["name"]}" {change}')
        database.close()  # it holds for new connections

    yield make
    make(False)


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Destinations are tried again after a hundredth of a second."""
    monkeypatch.setattr(destination_queue, "RETRY", RetryPolicy(first_sec=0.01, most_sec=300.0, spread=0.0))


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.stop()


@pytest.fixture
def other() -> Iterator[Service]:
    made = Service()
    yield made
    made.stop()


@pytest.fixture
def make(database_url: str) -> Iterator[Make]:
    """A delivery for each of the addresses; what happened before them is not told."""
    databases: list[Database] = []

    def made(*urls: str, patience: timedelta = timedelta(0), **more: Any) -> list[DestinationDelivery]:
        settings = settings_with(database_url, alert_urls=" ".join(urls), **more)
        databases.append(Database.connect(settings))
        found = [
            DestinationDelivery(databases[-1], settings, address, patience=patience)
            for address in settings.alert_addresses
        ]
        for each in found:
            each.run()
        return found

    yield made
    for database in databases:
        database.close()
