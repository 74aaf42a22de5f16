"""What the searched days begin with: a broker whose clock goes on, and books in memory that know nothing yet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.bot.reconciliation.broker_model import ModelBroker
from tests.bot.reconciliation.memory_books import Clock, MemoryBooks


@pytest.fixture
def broker() -> ModelBroker:
    return ModelBroker(Clock(datetime(2026, 11, 20, 15, tzinfo=UTC)))


@pytest.fixture
def books(broker: ModelBroker) -> MemoryBooks:
    return MemoryBooks(broker)
