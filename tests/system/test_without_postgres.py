"""Postgres away: nothing is promised that is not durable, and nobody has to restart anything afterwards."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from launcher.embedded import Postgres
from launcher.reaper import Guard
from tests.support import envelope
from tests.support.fixtures import StackFactory
from tests.support.migrations import migrate
from tests.support.ports import free
from tests.support.proxy import Break, Proxy
from tests.support.reset import reset
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def postgres(server_dir: Path, guard: Guard) -> Iterator[Postgres]:
    """A server of our own, to be stopped at will."""
    # without fsync a crash of the process loses nothing, without synchronous commits it would
    server = Postgres(
        server_dir / "postgres-that-goes-away",
        port=free(),
        durable=False,
        options={"synchronous_commit": "on"},
        guard=guard,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def exposed(postgres: Postgres, make_module_stack: StackFactory) -> Stack:
    migrate(postgres.url)
    return make_module_stack(database_url=postgres.url).start()


def test_commands_are_refused_with_503_and_never_applied_and_all_recovers_by_itself(
    exposed: Stack, postgres: Postgres
):
    exposed.api().do("/start")
    before = len(exposed.commands())
    postgres.stop()

    for method, path in (
        ("POST", "/stop"),
        ("POST", "/kill"),
        ("PATCH", "/config"),
        ("GET", "/status"),
        ("GET", "/gate"),
    ):
        response = exposed.api().request(
            method, path, json={"maxConcurrentPositions": 9} if path == "/config" else None
        )
        body = envelope.check(response, 503, "database_unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert "nothing was changed" in body["error"] or "nothing happened" in body["error"]
    ready = exposed.api(None).get("//readyz")
    assert ready.status_code == 503
    assert ready.headers["Retry-After"]
    assert exposed.api(None).get("//healthz").status_code == 200

    postgres.start()
    # the first request already has to be served: no dead connection is handed out
    assert exposed.api().status()["state"] == "running"
    assert len(exposed.commands()) == before
    assert exposed.api().do("/pause")["state"] == "paused"
    assert exposed.api().do("/resume", headers={"Prefer": "wait=10"})["state"] == "running"
    exposed.wait_for(lambda: exposed.status()["worker"]["online"], 10, "the worker is seen again")
    assert exposed.web.running
    assert exposed.worker.running


def test_a_crash_of_postgres_loses_no_command_that_was_answered(exposed: Stack, postgres: Postgres):
    exposed.api().do("/reconcile", headers={"Prefer": "wait=10"})
    last = exposed.commands()[-1]
    postgres.restart_immediate()

    assert exposed.commands()[-1] == last
    done = exposed.api().do("/kill")  # on connections that have died
    assert exposed.api().command(done["commandId"])["status"] == "applied"
    exposed.api().do("/rearm", headers={"Prefer": "wait=10"})
    assert exposed.api().do("/start", headers={"Prefer": "wait=10"})["state"] == "running"


@pytest.fixture(scope="module")
def _broken_way(make_module_stack: StackFactory) -> Iterator[tuple[Stack, Proxy]]:
    stack = make_module_stack()
    address = make_url(stack.database_url)
    proxy = Proxy(free(), (str(address.host), int(address.port or 5432)))
    stack.start_web(
        env={"DATABASE_URL": address.set(port=proxy.port).render_as_string(hide_password=False)}, wait=False
    )
    yield stack.start(), proxy
    proxy.close()


@pytest.fixture
def breakable(_broken_way: tuple[Stack, Proxy]) -> Stack:
    """A system whose web reaches Postgres only through ``proxy``."""
    stack, proxy = _broken_way
    proxy.heal()
    reset(stack)
    return stack


@pytest.fixture
def proxy(_broken_way: tuple[Stack, Proxy]) -> Proxy:
    return _broken_way[1]


@pytest.mark.parametrize("path", ["/start", "/kill"])
@pytest.mark.parametrize("when", Break)
def test_when_the_connection_breaks_at_the_commit_the_answer_says_where_to_ask_for_the_truth(
    breakable: Stack, proxy: Proxy, path: str, when: Break
):
    # tending late commands commits nothing while none is late, so the next commit is the command's
    proxy.break_at_commit(when)
    response = breakable.api().post(path)
    body = envelope.check(response, 503, "outcome_unknown")
    assert proxy.broken.is_set()
    assert response.headers["Retry-After"]
    command_id = body["details"]["commandId"]
    assert response.headers["Location"] == f"/api/bot/commands/{command_id}"

    proxy.heal()
    if when is Break.BEFORE:
        envelope.check(breakable.api().get(f"/commands/{command_id}"), 404, "not_found")
        assert breakable.config()["state"] == "stopped"
    else:
        assert breakable.wait_finished(command_id)["status"] == "applied"
        assert breakable.api().command(command_id)["status"] == "applied"


def test_a_short_break_between_two_commands_is_not_noticed(breakable: Stack, proxy: Proxy):
    breakable.api().do("/start")
    proxy.cut()
    proxy.heal()
    threads = [threading.Thread(target=breakable.api().status) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breakable.api().do("/pause")["state"] == "paused"
