"""What Pitboss does when its parts die. Real processes, which these tests start and kill by their ids."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from launcher.embedded import Postgres
from launcher.reaper import Guard
from tests.support import ports
from tests.support.fixtures import StackFactory
from tests.support.migrations import migrate
from tests.support.stack import Stack

_numbers = count(1)


@pytest.fixture(scope="module")
def own_postgres(server_dir: Path, guard: Guard) -> Iterator[Postgres]:
    """A durable server for one file, to be crashed at will."""
    server = Postgres(server_dir / f"own-postgres-{next(_numbers)}", port=ports.free(), guard=guard)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def _stack_on_own_postgres(own_postgres: Postgres, make_module_stack: StackFactory) -> Stack:
    migrate(own_postgres.url)
    return make_module_stack(database_url=own_postgres.url).start()


@pytest.fixture
def crash_stack(_stack_on_own_postgres: Stack, own_postgres: Postgres) -> Stack:
    """A running system on ``own_postgres``; stopped and rearmed. Whatever the last test killed runs again."""
    stack = _stack_on_own_postgres
    if not own_postgres.process.is_running:
        own_postgres.start()
    for name, worker in list(stack.workers.items()):
        if not worker.running:
            stack.start_worker(name, wait=False)
    stack.start_web(wait=False)
    stack.wait_ready()
    stack.wait_for(lambda: stack.api().do("/kill"), 15, "a kill is applied")
    stack.wait_for(lambda: stack.api().do("/rearm"), 15, "a rearm is applied")
    return stack
