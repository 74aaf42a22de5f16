"""What goes wrong. Each fault strikes, lasts, and is mended; commands flow all the while."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from launcher.process import Process
from tools.chaos import transactions
from tools.chaos.messages import Messages
from tools.chaos.system import System, freeze, kill, resume

#: Note of a fault that found a process holding the lock.
CAUGHT = "caught in a transaction"
FAULTS: dict[str, Callable[[Scene], None]] = {}


class NothingToStrike(Exception):
    """The fault found no process to strike. Raised before ``Scene.struck`` is called."""


@dataclass
class Scene:
    """What a fault works with."""

    system: System
    rng: random.Random
    messages: Messages
    #: To be called when the fault has struck: from then on the time to recover counts.
    struck: Callable[[], None]
    #: Let commands flow for so many seconds.
    last: Callable[[float], None]
    #: Release a burst of commands at once.
    burst: Callable[[], None]
    #: Send a kill, and do not wait for it.
    kill: Callable[[], None]
    notes: list[str] = field(default_factory=list)

    def any_worker(self) -> Process:
        return self.rng.choice(list(self.system.workers.values()))

    def for_a_while(self, shortest: float, longest: float) -> None:
        self.last(self.rng.uniform(shortest, longest))


def _fault(function: Callable[[Scene], None]) -> Callable[[Scene], None]:
    FAULTS[function.__name__.replace("_", " ")] = function
    return function


# -- workers --------------------------------------------------------------------------------------------------


@_fault
def worker_parent_killed(scene: Scene) -> None:
    worker = scene.any_worker()
    kill([worker.pid])
    scene.struck()
    scene.for_a_while(0.3, 1.5)
    scene.system.mend()


@_fault
def worker_child_killed(scene: Scene) -> None:
    pids = _children(scene, scene.any_worker())
    scene.burst()
    kill(pids)
    scene.struck()
    scene.for_a_while(0.3, 1.0)


@_fault
def worker_killed(scene: Scene) -> None:
    kill(scene.system.pids(scene.any_worker()))
    scene.struck()
    scene.for_a_while(0.3, 1.5)
    scene.system.mend()


@_fault
def both_workers_killed(scene: Scene) -> None:
    for worker in scene.system.workers.values():
        kill(scene.system.pids(worker))
    scene.struck()
    scene.for_a_while(1.0, 3.0)
    scene.system.mend()


@_fault
def worker_frozen_for_seconds(scene: Scene) -> None:
    worker = scene.any_worker()
    pids = _children(scene, worker)
    _freeze_for_a_while(scene, scene.rng.choice([[worker.pid, *pids], [worker.pid], pids]))


@_fault
def both_workers_frozen_for_seconds(scene: Scene) -> None:
    _freeze_for_a_while(
        scene, [pid for worker in scene.system.workers.values() for pid in scene.system.pids(worker)]
    )


@_fault
def worker_killed_in_the_middle_of_a_transaction(scene: Scene) -> None:
    _catch(scene, _worker_pids(scene), lambda pid: kill([pid]))
    scene.struck()
    scene.for_a_while(0.3, 1.0)
    scene.system.mend()


@_fault
def worker_frozen_in_the_middle_of_a_transaction(scene: Scene) -> None:
    caught = _catch(scene, _worker_pids(scene), lambda pid: freeze([pid]))
    scene.struck()
    scene.kill()
    scene.for_a_while(2.0, 7.0)
    resume(caught)


@_fault
def worker_restarted_with_SIGTERM(scene: Scene) -> None:
    worker = scene.any_worker()
    scene.burst()
    worker.send(worker.stop_steps[0].signal)
    scene.struck()
    scene.last(0.5)
    if not worker.wait(10):
        scene.notes.append("a worker did not end within 10 s of SIGTERM")
        kill(scene.system.pids(worker))
    scene.system.mend()


# -- web ------------------------------------------------------------------------------------------------------


@_fault
def web_killed(scene: Scene) -> None:
    scene.burst()
    kill(scene.system.pids(scene.system.web))
    scene.struck()
    scene.last(0.2)
    scene.system.mend()
    scene.system.wait_web()


@_fault
def web_process_killed(scene: Scene) -> None:
    pids = _children(scene, scene.system.web)
    scene.burst()
    kill([scene.rng.choice(pids)])
    scene.struck()
    scene.for_a_while(0.3, 1.0)


@_fault
def web_process_frozen_in_the_middle_of_a_transaction(scene: Scene) -> None:
    caught = _catch(scene, _children(scene, scene.system.web), lambda pid: freeze([pid]))
    scene.struck()
    scene.kill()
    scene.for_a_while(2.0, 7.0)
    resume(caught)


# -- Redis ----------------------------------------------------------------------------------------------------


@_fault
def Redis_killed(scene: Scene) -> None:
    scene.burst()
    scene.system.redis.kill()
    scene.struck()
    scene.for_a_while(0.5, 3.0)
    scene.system.mend()


@_fault
def Redis_frozen_for_seconds(scene: Scene) -> None:
    _freeze_for_a_while(scene, [scene.system.redis.pid], 1.0, 6.0)


@_fault
def Redis_restarted_with_its_data_wiped(scene: Scene) -> None:
    scene.burst()
    scene.system.redis.kill()
    scene.struck()
    scene.system.wipe_redis()
    scene.for_a_while(0.2, 1.0)
    scene.system.mend()


# -- Postgres -------------------------------------------------------------------------------------------------


@_fault
def Postgres_restarted_in_immediate_mode(scene: Scene) -> None:
    scene.burst()
    scene.struck()
    scene.system.postgres.restart_immediate()
    scene.last(0.5)


@_fault
def Postgres_killed_away_for_seconds(scene: Scene) -> None:
    scene.burst()
    scene.system.postgres.kill()
    scene.struck()
    scene.for_a_while(1.0, 4.0)
    scene.system.mend()


# -- messages -------------------------------------------------------------------------------------------------


@_fault
def messages_duplicated_and_reordered(scene: Scene) -> None:
    with _messages_waiting(scene):
        count = scene.messages.shuffle(scene.rng)
    _note_messages(scene, count)
    scene.struck()
    scene.last(0.3)


@_fault
def messages_of_earlier_sent_again(scene: Scene) -> None:
    with _messages_waiting(scene):  # at other times workers take them before they can be seen
        scene.messages.remember()
    scene.last(0.3)
    _note_messages(scene, scene.messages.replay(scene.rng, 20))
    scene.struck()
    scene.last(0.3)


# -- helpers --------------------------------------------------------------------------------------------------


def _worker_pids(scene: Scene) -> list[int]:
    return [pid for worker in scene.system.workers.values() for pid in scene.system.pids(worker)]


def _children(scene: Scene, process: Process) -> list[int]:
    """Those that do its work; while it starts it has none yet, and is waited for."""
    for _ in range(50):
        if pids := scene.system.pids(process)[1:]:
            return pids
        scene.last(0.1)
    raise NothingToStrike


def _freeze_for_a_while(scene: Scene, pids: list[int], shortest: float = 1.0, longest: float = 4.0) -> None:
    freeze(pids)
    scene.struck()
    scene.for_a_while(shortest, longest)
    resume(pids)


@contextmanager
def _messages_waiting(scene: Scene) -> Iterator[None]:
    """Nobody takes messages meanwhile, and some are sent."""
    pids = _worker_pids(scene)
    freeze(pids)
    scene.burst()
    scene.last(0.4)
    try:
        yield
    finally:
        resume(pids)


def _note_messages(scene: Scene, count: int) -> None:
    if not count:
        raise NothingToStrike
    scene.notes.append(f"{count} messages")


def _catch(scene: Scene, pids: list[int], strike: Callable[[int], None]) -> list[int]:
    """Strike the one of *pids* that holds the bot's lock, and note it; none is found if none of them has work."""
    caught = transactions.catch(scene.system.postgres.url, pids, strike, gather=scene.burst)
    if caught is None:
        raise NothingToStrike
    scene.notes.append(CAUGHT)
    return [caught]
