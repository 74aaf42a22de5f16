"""Takes turns: A B, B A, A B …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def take_turns(
    sides: Mapping[str, Callable[[], T]], rounds: int, *, warm_up: bool = True
) -> dict[str, list[T]]:
    """What each side gave in each round. In every second round the order is the other way round, so that no side
    always comes first; with *warm_up* each is done once before, and that is thrown away."""
    given: dict[str, list[T]] = {name: [] for name in sides}
    if warm_up:
        for do in sides.values():
            do()
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        for name in names:
            given[name].append(sides[name]())
    return given
