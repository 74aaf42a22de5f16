"""An account at a played Alpaca, and the client that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from bot.broker.alpaca import Alpaca
from bot.settings.alpaca_settings import AlpacaAccess
from bot.states import Mode
from tests.bot.fake_account import FakeAccount


@pytest.fixture
def ours(fake_account: Callable[[], FakeAccount]) -> FakeAccount:
    return fake_account()


@pytest.fixture
def alpaca(ours: FakeAccount) -> Iterator[Alpaca]:
    access = AlpacaAccess(mode=Mode.PAPER, url=ours.url, key=ours.key, secret=SecretStr("topsecret-secret"))
    with Alpaca(access, budget_sec=30) as client:
        yield client
