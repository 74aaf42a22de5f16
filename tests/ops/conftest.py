"""Tests of what it takes to operate Pitboss: metrics, log lines, alerts."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.support", "tests.ops.receiver")

from bot.database import Database  # noqa: E402 - the modules above are rewritten first
from bot.settings import Settings  # noqa: E402
from tests.ops.receiver import Receiver  # noqa: E402
from tests.support.client import API_TOKENS  # noqa: E402
from tests.support.fixtures import (  # noqa: E402
    fresh_stack,
    make_module_stack,
    make_stack,
    shared_stack,
    stack,
    workshop,
)
from tests.support.tables import Tables  # noqa: E402

__all__ = ["fresh_stack", "make_module_stack", "make_stack", "shared_stack", "stack", "workshop"]


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
