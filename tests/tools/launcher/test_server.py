"""The one command, on the real tree."""

import re
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.client import Api
from tests.support.tables import Tables
from tests.tools.launcher.processes import wait_until_empty
from tests.tools.launcher.server_run import READY, ServerRun, token

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pitboss-") as name:
        yield Path(name)


@contextmanager
def server(
    data_dir: Path, number: signal.Signals = signal.SIGTERM, **env: str
) -> Iterator[tuple[ServerRun, Api]]:
    """One run, and its API; in the end it has to stop by the signal, without a trace."""
    run = ServerRun(Path("/"), command=[ROOT / "script" / "server"], DATA_DIR=str(data_dir), **env)
    try:
        run.wait_for(READY)
        yield run, Api(run.address, token(run))
        run.send_to_group(number)
        assert run.exit_code() == 0, run.output
        assert not re.search('Traceback|"level": "error"', run.output), run.output
        assert wait_until_empty(data_dir, 1) == []
    finally:
        run.end()


def test_one_command_brings_up_a_bot_under_control_and_the_next_start_finds_it_as_it_was_left(
    data_dir: Path,
) -> None:
    with server(data_dir, signal.SIGINT) as (run, operator):
        first_token = token(run)
        started = operator.do("/start", {"reason": "before the restart"})
        assert started["state"] == "running"
        operator.do("/pause")
    with server(data_dir, signal.SIGTERM) as (run, operator):
        assert token(run) == first_token
        status = operator.status()
        assert (status["state"], status["enabled"], status["revision"]) == ("paused", True, 2)
        assert status["reconciliation"]["outcome"] == "ok"
        assert operator.command(started["commandId"])["reason"] == "before the restart"
        assert operator.do("/resume")["state"] == "running"


def test_given_servers_replace_the_embedded_ones(
    data_dir: Path, empty_database_url: str, redis_url: str
) -> None:
    with server(data_dir, DATABASE_URL=empty_database_url, REDIS_URL=redis_url) as (run, operator):
        assert operator.do("/start")["state"] == "running"
        parts = [part.name() for part in psutil.Process(run.pid).children(recursive=True)]
        assert len(parts) >= 5, "web, worker, beat, Flower and the sandbox"
        assert not [name for name in parts if name.startswith(("postgres", "valkey"))]
    tables = Tables(empty_database_url)
    assert tables.sql("SELECT state FROM bot_config") == [{"state": "running"}]
    tables.close()
    assert not {"postgres", "valkey"} & {each.name for each in data_dir.iterdir()}
