"""A bot, its account and its books, before a flatten."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bot.flattening.scene import Scene
from tests.bot.world import World


@pytest.fixture
def scene(world: World) -> Iterator[Scene]:
    yield Scene(world)
    world.paper.control("PUT", "/halts", [])
    world.paper.control("PUT", "/clock", {"is_open": True})
