"""What holds after a test of commands, whatever it did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bot.world import World
from tests.support.invariants import violations


@pytest.fixture
def the_log_adds_up(world: World) -> Iterator[None]:
    yield
    (config,) = world.sql("SELECT state, revision FROM bot_config")
    assert violations(world.log(), config) == []
