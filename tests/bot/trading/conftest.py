"""A bot whose gate is open, with its ledger."""

from __future__ import annotations

import pytest

from tests.bot.ledger_world import World, settings_of
from tests.bot.world import TestDatabase


@pytest.fixture
def world(database: TestDatabase) -> World:
    world = World(settings_of(database.url), database.pool)
    world.open_gate()
    return world
