"""Asks a server, one request after the other, and takes the time of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tools.bench.errors import BenchError
from tools.bench.http import Connection
from tools.bench.series import quantile


@dataclass(frozen=True)
class Times:
    """How long each request took, in milliseconds."""

    ms: tuple[float, ...]

    @property
    def p50(self) -> float:
        return quantile(self.ms, 0.5)

    @property
    def p99(self) -> float:
        return quantile(self.ms, 0.99)


def run(port: int, requests: Sequence[bytes], count: int) -> Times:
    """Send *requests* in turn over one connection, until *count* were answered. The first turn does not count.

    Raises:
        BenchError: an answer was not a 200.
    """
    taken = []
    with Connection(port) as connection:
        for number in range(-len(requests), count):
            request = requests[number % len(requests)]
            began = time.perf_counter()
            answer = connection.ask(request)
            ended = time.perf_counter()
            if answer.status != 200:
                first = request.split(b" HTTP", 1)[0].decode()
                raise BenchError(
                    f"{first} was answered with {answer.status}: {answer.body.decode(errors='replace')}"
                )
            if number >= 0:
                taken.append((ended - began) * 1000)
    return Times(tuple(taken))
