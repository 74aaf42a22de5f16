"""What a client prefers."""

import pytest

from web.commands.dispatch import Preference


@pytest.mark.parametrize(
    ("prefer", "wait_sec"),
    [
        (None, 2.0),
        ("wait=soon", 2.0),
        ("wait=1", 1.0),
        ("wait=3600", 10.0),
        ("wait=0", 0.0),
        ("respond-async", 0.0),
        ("Respond-Async, wait=5", 0.0),
    ],
)
def test_prefer_says_for_how_long_an_answer_waits(prefer: str | None, wait_sec: float):
    assert Preference.parse(prefer).wait_sec == wait_sec
