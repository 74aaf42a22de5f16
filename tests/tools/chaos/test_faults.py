"""A fault that finds nothing to strike has not happened, and says so."""

import random
from types import SimpleNamespace
from typing import Any

import pytest

from tools.chaos import faults, transactions
from tools.chaos.faults import FAULTS, NothingToStrike, Scene


@pytest.fixture
def struck() -> list[str]:
    return []


@pytest.fixture
def scene(struck: list[str], monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Workers and web without children, an empty queue, and nobody in a transaction."""
    process: Any = SimpleNamespace(pid=1, is_running=True)
    system: Any = SimpleNamespace(
        pids=lambda process: [process.pid],
        workers={"worker": process},
        web=process,
        postgres=SimpleNamespace(url="nowhere"),
    )
    messages: Any = SimpleNamespace(shuffle=lambda rng: 0, replay=lambda rng, count: 0, remember=lambda: None)
    for deed in ("kill", "freeze", "resume"):
        monkeypatch.setattr(faults, deed, lambda pids: None)  # no process of this machine is touched
    monkeypatch.setattr(transactions, "catch", lambda *args, **kwargs: None)
    return Scene(
        system=system,
        rng=random.Random(1),
        messages=messages,
        struck=lambda: struck.append("struck"),
        last=lambda seconds: None,
        burst=lambda: None,
        kill=lambda: struck.append("kill"),
    )


@pytest.mark.parametrize(
    "name",
    [
        "messages duplicated and reordered",
        "messages of earlier sent again",
        "worker child killed",
        "worker frozen for seconds",
        "worker killed in the middle of a transaction",
        "worker frozen in the middle of a transaction",
        "web process killed",
        "web process frozen in the middle of a transaction",
    ],
)
def test_a_fault_that_finds_nothing_does_not_strike(scene: Scene, struck: list[str], name: str):
    with pytest.raises(NothingToStrike):
        FAULTS[name](scene)
    assert not struck


def test_one_that_finds_something_strikes(scene: Scene, struck: list[str]):
    scene.messages.replay = lambda rng, count: 3  # type: ignore[method-assign]
    FAULTS["messages of earlier sent again"](scene)
    assert struck == ["struck"]
    assert scene.notes == ["3 messages"]
