"""A disk that is full, for real: the tables are on a small one, and a file takes what is left of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.embedded import Postgres
from tests.ops.scrape import Scrape
from tests.support.fixtures import StackFactory
from tests.support.invariants import violations
from tests.support.migrations import migrate
from tests.support.receiver import Receiver
from tests.support.stack import Stack
from tests.support.tables import Tables


@pytest.fixture(scope="module")
def small_disk(server_dir: Path, own_postgres: Postgres) -> Iterator[Path]:
    """A file system of 48 MB, which Postgres may write to."""
    place = server_dir / "small-disk"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here: that takes root")
    try:
        owner = (own_postgres.directory / "data").stat()
        (place / "tables").mkdir()
        for path in (place, place / "tables"):
            os.chown(path, owner.st_uid, owner.st_gid)
        yield place
    finally:
        own_postgres.stop()  # it holds files there
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def stack(
    small_disk: Path, own_postgres: Postgres, make_module_stack: StackFactory, receiver: Receiver
) -> Stack:
    admin = Tables(own_postgres.url)
    admin.sql(f"CREATE TABLESPACE small LOCATION '{small_disk / 'tables'}'")
    admin.sql("CREATE DATABASE small TABLESPACE small")
    admin.close()
    stack = make_module_stack(
        database_url=own_postgres.url_of("small"),
        ALERT_WEBHOOK_URL=receiver.url,
        ALERT_WEBHOOK_SECRET=receiver.secret,
    )
    migrate(stack.database_url)
    return stack.start()


@pytest.fixture
def fill(small_disk: Path) -> Iterator[Callable[[], None]]:
    """Fills the disk; what fills it goes when the test ends."""
    file = small_disk / "filler"

    def fill() -> None:
        with file.open("ab", buffering=0) as filler:
            filler.write(bytes(shutil.disk_usage(small_disk).free))

    yield fill
    file.unlink(missing_ok=True)


def test_it_is_said_everywhere_a_kill_takes_effect_and_all_goes_on_when_there_is_room(
    stack: Stack, fill: Callable[[], None], small_disk: Path, receiver: Receiver
) -> None:
    operator = stack.api()
    stack.wait_accepting()
    operator.do("/start")
    fill()

    def postgres() -> str:
        answer = stack.api(None).get("//readyz")
        assert answer.status_code == 200, "a kill works, so it has to stay reachable"
        return str(answer.json()["postgres"])

    stack.wait_for(lambda: all(postgres().startswith("full") for _ in range(4)), 15, "readyz says so")

    def writable() -> set[float | None]:
        """As each of web's two processes says it."""
        return {Scrape(stack.api("viewer")).get("database_writable") for _ in range(6)}

    stack.wait_for(lambda: writable() == {0}, 15, "the metrics say so")

    # there is room for some rows in pages that are not full; then it is said, and nothing else is
    answers = []
    for number in range(400):
        change = {"positionSizeUsd": 500 + number % 2, "reason": "x" * 400}
        answers.append(operator.patch("/config", change, headers={"Prefer": "respond-async"}))
        if len([each for each in answers if each.status_code == 503]) >= 20:
            break
    # 202: its row found room, what it changes did not, and it follows
    assert {each.status_code for each in answers} <= {200, 202, 503}
    assert {each.json()["code"] for each in answers if each.status_code == 503} == {"database_full"}

    for _ in range(10):
        killed = operator.post("/kill", {"reason": "enough"})
        assert (killed.status_code, killed.json()["state"]) == (200, "stopped"), killed.text
    assert stack.config()["killed_at"] is not None
    stack.wait_for(lambda: "database_not_writable" in receiver.kinds, 40, "the webhook is told")
    assert stack.worker.running

    (small_disk / "filler").unlink()
    stack.wait_for(lambda: all(postgres() == "ok" for _ in range(4)), 15, "readyz says so")
    stack.wait_for(lambda: operator.post("/rearm").status_code == 200, 10, "commands are taken again")
    stack.wait_for(lambda: "database_writable" in receiver.kinds, 40, "the webhook is told")
    assert "killed" in receiver.kinds
    config = {name: stack.config()[name] for name in ("state", "revision")}
    assert violations(stack.commands(), config) == []
