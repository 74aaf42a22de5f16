"""The servers from wheels."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from launcher import ports
from launcher.embedded import Postgres, Valkey, leftover
from launcher.reaper import Guard
from tests.tools.launcher.processes import living_in, wait_until_empty


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pitboss-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def postgres(directory: Path, guard: Guard) -> Iterator[Postgres]:
    server = Postgres(directory / "a postgres", guard=guard)
    server.start()
    run(server, "CREATE TABLE note (text text)")
    yield server
    server.stop()


@pytest.fixture
def valkey(directory: Path, guard: Guard) -> Iterator[Valkey]:
    server = Valkey(directory / "a valkey", guard=guard)
    server.start()
    yield server
    server.stop()


def run(server: Postgres, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def test_postgres_keeps_its_data_and_its_address_over_a_stop_and_a_start(postgres: Postgres) -> None:
    run(postgres, "INSERT INTO note VALUES ('stopped')")
    postgres.stop()
    assert not postgres.process.is_running
    again = Postgres(postgres.directory)
    assert again.url == postgres.url
    postgres.start()
    assert ("stopped",) in run(postgres, "SELECT * FROM note")


def test_postgres_keeps_what_was_committed_before_a_crash(postgres: Postgres) -> None:
    run(postgres, "INSERT INTO note VALUES ('restarted')")
    before = postgres.pid
    postgres.restart_immediate()
    assert postgres.pid != before
    run(postgres, "INSERT INTO note VALUES ('killed')")
    postgres.kill()
    postgres.start()
    assert {("restarted",), ("killed",)} <= set(run(postgres, "SELECT * FROM note"))


def test_postgres_fills_little_memory_at_its_start_beside_the_buffers_that_it_fills_when_it_reads(
    postgres: Postgres,
) -> None:
    [(size,)] = run(
        postgres, "SELECT sum(allocated_size)::bigint FROM pg_shmem_allocations WHERE name <> 'Buffer Blocks'"
    )
    assert isinstance(size, int)
    assert size < 16 * 2**20


def test_postgres_waits_for_the_disk_unless_told_otherwise(postgres: Postgres) -> None:
    assert run(postgres, "SHOW fsync") == [("on",)]
    assert run(postgres, "SHOW synchronous_commit") == [("on",)]


def test_postgres_listens_on_loopback_only_and_asks_for_a_password(postgres: Postgres) -> None:
    assert run(postgres, "SHOW listen_addresses") == [("127.0.0.1",)]
    assert run(postgres, "SHOW unix_socket_directories") == [("",)]
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host="127.0.0.1", port=postgres.port, user="pitboss", password="", dbname="pitboss")


def test_a_postgres_that_a_crash_left_running_is_stopped_before_the_next_starts(postgres: Postgres) -> None:
    before = psutil.Process(postgres.pid)
    heir = Postgres(postgres.directory)
    heir.start()
    try:
        assert not before.is_running() or before.status() == psutil.STATUS_ZOMBIE
        run(heir, "SELECT 1")
    finally:
        heir.stop()
        postgres.process.wait(5)
        postgres.start()


def test_a_stale_pid_file_does_no_harm_to_the_stranger_it_names(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "30"])
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n")
    leftover.stop(pid_file, "postgres", tmp_path, signal.SIGINT)
    assert stranger.poll() is None
    assert not pid_file.exists()
    stranger.kill()
    stranger.wait()


def test_valkey_keeps_its_data_over_a_stop_and_over_a_kill(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("stopped", 1)
        valkey.stop()
        valkey.start()
        client.set("killed", 1)
        valkey.kill()
        valkey.start()
        assert client.exists("stopped", "killed") == 2


def test_valkey_refuses_to_forget_and_is_told_so_by_its_settings(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "bind")
    assert settings == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }


def test_valkey_asks_for_a_password_that_the_process_list_does_not_show(valkey: Valkey) -> None:
    with (
        redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    password = (valkey.directory / "password").read_text().strip()
    assert password not in " ".join(psutil.Process(valkey.pid).cmdline())


def test_a_port_is_kept_while_it_is_free_and_replaced_when_it_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "port"
    first = ports.kept(file)
    assert ports.kept(file) == first
    with socket.create_server(("127.0.0.1", first)):
        second = ports.kept(file)
        assert second != first
    assert ports.kept(file) == second
    file.write_text("not a number")
    assert ports.kept(file) > 0


def test_servers_end_with_an_owner_that_was_killed() -> None:
    owner = """
import os, sys
from pathlib import Path
from launcher.embedded import Postgres, Valkey
from launcher.reaper import Guard
guard = Guard(litter=[Path(sys.argv[1]) / "litter"])
for server in (Postgres(Path(sys.argv[1]) / "postgres", guard=guard), Valkey(Path(sys.argv[1]) / "valkey", guard=guard)):
    server.start()
(Path(sys.argv[1]) / "litter").touch()
os.kill(os.getpid(), 9)
"""
    with tempfile.TemporaryDirectory(prefix="pitboss-") as name:
        directory = Path(name)
        done = subprocess.run([sys.executable, "-c", owner, name], start_new_session=True)
        assert done.returncode == -signal.SIGKILL
        assert wait_until_empty(directory, 10) == []
        assert "shut down" in (directory / "postgres" / "log").read_text()
        deadline = time.monotonic() + 5
        while (directory / "litter").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not (directory / "litter").exists()
        assert living_in(directory) == []
