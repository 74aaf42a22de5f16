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
    #: How long all of script/server is left alone, and then watched, in seconds.
    stack_rest_sec: float
    stack_idle_sec: float
    #: What a kill is measured beside: kills of each, and how much of each load.
    kills: int
    manual_kills: int
    slow_clients: int
    many_streams: int
    waiting: int
    backlog: int
    readers: int
    #: Commands in the log that the readers read.
    listed: int
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
    stack_rest_sec=90.0,
    stack_idle_sec=60.0,
    kills=50,
    manual_kills=3,
    slow_clients=300,
    many_streams=900,
    waiting=160,
    backlog=40_000,
    readers=40,
    listed=1_000_000,
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
    stack_rest_sec=0.0,
    stack_idle_sec=0.3,
    kills=3,
    manual_kills=1,
    slow_clients=10,
    many_streams=10,
    waiting=4,
    backlog=100,
    readers=4,
    listed=100,
    warm_starts=False,
)
