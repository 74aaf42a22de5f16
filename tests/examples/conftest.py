"""What the tests of the example bot share: the bot, ready to be started beside the shared system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.demo_bot import WATCHLIST
from launcher.reaper import Guard
from tests.examples.demo import KEY, SECRET, SPEED, Demo
from tests.support.client import TOKENS
from tests.support.stack import Stack


@pytest.fixture
def speed() -> float:
    """Tests of one pace set it by ``pytest.mark.parametrize``."""
    return SPEED


@pytest.fixture
def demo(stack: Stack, guard: Guard, speed: float) -> Iterator[Demo]:
    stack.broker.control("DELETE", f"/accounts/{KEY}")
    stack.broker.account("paper")
    stack.broker.control("PUT", "/fills", {"hold": False})
    operator = stack.api()
    stack.broker.control("PUT", "/prices", dict.fromkeys(WATCHLIST, "7.50"))
    operator.patch("/config", {"maxConcurrentPositions": 2, "positionSizeUsd": 100})
    operator.do("/start")
    demo = Demo(stack, guard, speed)
    yield demo
    demo.process.close()
    log = demo.process.log(whole=True)
    assert "Traceback" not in log, log
    assert not [secret for secret in (TOKENS["bot"], SECRET) if secret in log]
