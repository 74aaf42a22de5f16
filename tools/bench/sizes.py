"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Counts are for one side and one round, unless it says otherwise."""

    rounds: int
    #: Commands, kills and the like, sent one after the other by one client.
    requests: int
    #: Clients that send at once.
    clients: int
    #: Commands that each of these clients sends.
    commands_each: int
    #: Status reads that each of these clients does.
    reads_each: int
    #: Open trades to reconcile, one run for each; the last one is the target's.
    open_trades: tuple[int, ...]
    #: Finished commands in the log, one run for each; the last one is the target's.
    finished_commands: tuple[int, ...]
    #: Trades in the table when the status is read.
    trades: int
    #: Event streams that are open, one run for each.
    streams: tuple[int, ...]
    #: No-op tasks for Celery alone.
    tasks: int
    #: How long idle processes are watched, in seconds.
    idle_sec: float
    #: Whether starts of a worker are tried once before they count.
    warm_starts: bool


FULL = Sizes(
    rounds=5,
    requests=500,
    clients=8,
    commands_each=100,
    reads_each=400,
    open_trades=(1_000, 10_000, 100_000),
    finished_commands=(100_000, 1_000_000),
    trades=1_000_000,
    streams=(1, 50, 200),
    tasks=300,
    idle_sec=10.0,
    warm_starts=True,
)
QUICK = Sizes(
    rounds=2,
    requests=10,
    clients=8,
    commands_each=2,
    reads_each=5,
    open_trades=(50, 200),
    finished_commands=(100, 500),
    trades=500,
    streams=(1, 5),
    tasks=10,
    idle_sec=0.3,
    warm_starts=False,
)
