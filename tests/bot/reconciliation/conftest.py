"""A broker in memory that notes what it is asked for, and an asset that is traded there."""

from __future__ import annotations

import pytest

from tests.bot.reconciliation.asked_broker import Asked
from tests.bot.reconciliation.books import NOW
from tests.bot.reconciliation.broker_model import Asset, ModelBroker


@pytest.fixture
def broker() -> Asked:
    """Its clock stands; a file or a folder may have another one."""
    return Asked(lambda: NOW)


@pytest.fixture
def asset(broker: ModelBroker) -> Asset:
    """An asset that is traded on the long side."""
    return broker.lists("AAPL", 1)
