"""What 200 open event streams cost the others.

    .venv/bin/python -m tests.panel.measure

Two web processes, one worker, a database of its own. Rounds without and with the streams take turns; the streams are
read by a process of their own. Printed are the medians over all rounds, and their ratio.
"""

from __future__ import annotations

import multiprocessing
import selectors
import tempfile
import time
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median

import requests

from launcher.embedded import Postgres
from launcher.reaper import Guard
from tests.conftest import DatabaseServer
from tests.support.client import TOKENS
from tests.support.migrations import migrate
from tests.support.stack import Stack
from tests.web.streaming.test_events import Stream

STREAMS, ROUNDS, STATUSES, COMMANDS = 200, 16, 75, 40


def listen(stack_url: str, count: int, ready: Event, stop: Event) -> None:
    """Hold *count* streams open and read what comes."""

    class Address:
        url = stack_url

    selector = selectors.DefaultSelector()
    opened = [Stream(Address()) for _ in range(count)]  # type: ignore[arg-type]
    for stream in opened:
        stream.event()
        selector.register(stream.sock, selectors.EVENT_READ)
    ready.set()
    while not stop.is_set():
        for key, _ in selector.select(0.2):
            key.fileobj.recv(65536)  # type: ignore[union-attr]
    for stream in opened:
        stream.close()


def round_of(session: requests.Session, url: str) -> tuple[list[float], list[float]]:
    """Times of status calls and of commands, in milliseconds."""
    statuses = [_time(lambda: session.get(f"{url}/api/bot/status", timeout=10)) for _ in range(STATUSES)]
    commands = []
    for _ in range(COMMANDS // 2):
        for path in ("pause", "resume"):
            commands.append(_time(lambda path=path: session.post(f"{url}/api/bot/{path}", timeout=10)))
    return statuses, commands


def _time(call: object) -> float:
    began = time.perf_counter()
    assert call().status_code == 200  # type: ignore[operator]
    return (time.perf_counter() - began) * 1000


def main() -> None:
    times: dict[bool, tuple[list[float], list[float]]] = {False: ([], []), True: ([], [])}
    guard = Guard()
    with tempfile.TemporaryDirectory(prefix="pitboss-measure-") as name:
        folder = Path(name)
        postgres = Postgres(folder / "postgres", guard=guard)
        postgres.start()
        server = DatabaseServer(postgres.url_of("postgres"))
        url = server.url_of(server.create())
        migrate(url)
        with closing(Stack(folder / "stack", url, guard=guard)) as stack, requests.Session() as session:
            stack.start()
            session.headers["Authorization"] = f"Bearer {TOKENS['operator']}"
            stack.api().do("/start")
            round_of(session, stack.url)  # warm up
            for _ in range(ROUNDS):
                for with_streams in (False, True):
                    ready, stop = multiprocessing.Event(), multiprocessing.Event()
                    listener = multiprocessing.Process(target=listen, args=(stack.url, STREAMS, ready, stop))
                    if with_streams:
                        listener.start()
                        assert ready.wait(30)
                    for kept, new in zip(times[with_streams], round_of(session, stack.url), strict=True):
                        kept.extend(new)
                    if with_streams:
                        stop.set()
                        listener.join()
        postgres.stop()
    guard.dismiss()
    print(f"{'p50, ms':<22}{'no streams':>12}{f'{STREAMS} streams':>14}{'ratio':>8}")
    for index, what in enumerate(("GET /status", "a command")):
        alone, together = (median(times[which][index]) for which in (False, True))
        print(f"{what:<22}{alone:>12.2f}{together:>14.2f}{together / alone:>8.2f}")


if __name__ == "__main__":
    main()
