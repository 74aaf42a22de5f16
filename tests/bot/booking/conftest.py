"""A bot and its books."""

from __future__ import annotations

import pytest

from tests.bot.ledger_world import World, settings_of
from tests.bot.world import TestDatabase


@pytest.fixture
def world(database: TestDatabase) -> World:
    return World(settings_of(database.url), database.pool)
