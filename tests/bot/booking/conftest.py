"""A bot and its books."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bot.ledger_world import World, settings_of


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(settings_of(database_url))
    yield world
    world.close()
