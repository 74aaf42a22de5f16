"""Many who want the ledger at once. A file of tests exposes these fixtures by importing them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.bot.ledger_world import World, settings_of

#: How many at most.
MOST = 24


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A bot whose gate is open, with a connection for each of them."""
    world = World(settings_of(database_url), pool_size=MOST)
    world.open_gate()
    yield world
    world.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for each of them."""
    with ThreadPoolExecutor(MOST) as pool:
        yield pool
