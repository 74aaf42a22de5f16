"""Many clients at once: threads in two processes of their own, so that no client waits for another's interpreter lock."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe

from tools.bench.errors import BenchError
from tools.bench.http import Connection

PROCESSES = 2
#: The clients are connected and wait when they begin, this long after they were told, in seconds.
_BEGIN_AFTER_SEC = 0.2
_PATIENCE_SEC = 120.0


@dataclass(frozen=True)
class Job:
    """What the clients of one process do: each sends its requests over its own connection."""

    port: int
    #: One list for each client.
    requests: tuple[tuple[bytes, ...], ...]
    begin_at: float  # of the monotonic clock, which all processes share


@dataclass
class Done:
    """What became of it."""

    begun_at: float = float("inf")
    ended_at: float = 0.0
    #: How often each status was answered.
    statuses: dict[int, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def add(self, other: Done) -> None:
        self.begun_at = min(self.begun_at, other.begun_at)
        self.ended_at = max(self.ended_at, other.ended_at)
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        self.errors += other.errors


class Crowd:
    """The two processes. They end with ``close``, and with this process, however it ends."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Pipe] = []
        self._processes = []
        for number in range(PROCESSES):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), name=f"clients-{number}", daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(5)

    def per_second(self, port: int, requests: Sequence[Sequence[bytes]]) -> float:
        """Answers per second, from the first client's first request to the last one's last answer; one list of *requests*
        for each client.

        Raises:
            BenchError: not every answer was a 200.
        """
        begin_at = time.monotonic() + _BEGIN_AFTER_SEC
        for number, pipe in enumerate(self._pipes):
            share = tuple(tuple(each) for each in requests[number::PROCESSES])
            pipe.send(Job(port, share, begin_at))
        done = Done()
        for pipe in self._pipes:
            if not pipe.poll(_PATIENCE_SEC):
                raise BenchError(f"The clients did not come to an end within {_PATIENCE_SEC:.0f} s.")
            done.add(pipe.recv())
        count = sum(len(each) for each in requests)
        if done.errors or done.statuses != {200: count}:
            raise BenchError(
                f"Of {count} answers, all should be 200: {done.statuses} {' '.join(done.errors[:3])}"
            )
        return count / (done.ended_at - done.begun_at)


def _serve(pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the bench, which then closes the pipe
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        done, lock = Done(), threading.Lock()
        threads = [threading.Thread(target=_ask, args=(job, each, done, lock)) for each in job.requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send(done)


def _ask(job: Job, requests: Sequence[bytes], done: Done, lock: threading.Lock) -> None:
    mine = Done()
    try:
        with Connection(job.port) as connection:
            time.sleep(max(0.0, job.begin_at - time.monotonic()))
            mine.begun_at = time.monotonic()
            for request in requests:
                answer = connection.ask(request)
                mine.statuses[answer.status] = mine.statuses.get(answer.status, 0) + 1
                if answer.status != 200:
                    mine.errors.append(answer.body.decode(errors="replace"))
            mine.ended_at = time.monotonic()
    except (OSError, BenchError) as error:
        mine.errors.append(repr(error))
    with lock:
        done.add(mine)
