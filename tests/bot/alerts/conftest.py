"""A database and a webhook's receiver for the tests of alerts."""

from collections.abc import Iterator

import pytest

from bot.settings.settings import Settings
from bot.storage.database import Database
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
