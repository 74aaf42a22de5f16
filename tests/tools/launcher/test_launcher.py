"""The launcher, on stubs of web and worker; the servers, Celery, Flower and the sandbox are real."""

import re
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import ports
from tests.tools.launcher import stub_tree
from tests.tools.launcher.processes import wait_until_empty
from tests.tools.launcher.server_run import READY, ServerRun, token

#: How long a part may take to stop that nobody hastens (StopStep), in seconds.
PATIENCE_SEC = 8


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pitboss-") as name:
        yield stub_tree.plant(Path(name))


@pytest.fixture
def start(tree: Path) -> Iterator[Callable[..., ServerRun]]:
    """Starts runs that end with the test."""
    runs = []

    def start_one(**env: str) -> ServerRun:
        runs.append(ServerRun(tree, **env))
        return runs[-1]

    yield start_one
    for run in runs:
        run.end()
    assert wait_until_empty(tree, 10) == []


def test_ctrl_c_stops_everything_and_the_next_start_finds_its_data_again(
    tree: Path, start: Callable[..., ServerRun]
) -> None:
    first = start()
    first.wait_for(READY)
    assert (tree / ".data" / "server.env").exists()
    first.send_to_group(signal.SIGINT)
    assert first.exit_code() == 0, first.output
    assert "Traceback" not in first.output
    assert not (tree / ".data" / "server.env").exists()
    log = (tree / ".data" / "postgres" / "log").read_text()
    assert "received fast shutdown request" in log
    assert "immediate shutdown" not in log
    assert "bye bye" in (tree / ".data" / "valkey" / "log").read_text()

    second = start()
    second.wait_for(READY)
    assert token(second) == token(first)
    sandbox = re.compile(r"SANDBOX at \S+")
    assert sandbox.findall(second.output) == sandbox.findall(first.output)


def test_nothing_outlives_a_launcher_that_was_killed_and_the_next_start_waits_for_that(
    tree: Path, start: Callable[..., ServerRun]
) -> None:
    first = start()
    first.wait_for(READY)
    first.send(signal.SIGKILL)
    assert first.exit_code() == -signal.SIGKILL
    second = start()
    second.wait_for(READY)
    second.send(signal.SIGTERM)
    assert second.exit_code() == 0, second.output
    assert wait_until_empty(tree / ".data", 1) == []


def test_a_second_ctrl_c_hastens_the_stop_of_a_busy_worker(
    start: Callable[..., ServerRun], tree: Path
) -> None:
    run = start(MISBEHAVE="stubborn-worker")
    run.wait_for(READY)
    run.wait_for("deaf")
    run.send(signal.SIGINT)
    run.wait_for("Stopping")
    time.sleep(1)
    begun = time.monotonic()
    run.send(signal.SIGINT)
    assert run.exit_code() == 0, run.output
    assert time.monotonic() - begun < PATIENCE_SEC - 2, "it has waited for the worker"


def test_a_stop_during_the_start_leaves_nothing(start: Callable[..., ServerRun], tree: Path) -> None:
    run = start()
    run.wait_for("Migrating")
    run.send(signal.SIGINT)
    assert run.exit_code() == 0, run.output
    assert READY not in run.output
    assert wait_until_empty(tree / ".data", 1) == []


@pytest.mark.parametrize("variable", ["PORT", "FLOWER_PORT"])
def test_a_taken_port_is_named_before_anything_starts(variable: str, start: Callable[..., ServerRun]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = start(**{variable: str(port)})
        assert run.exit_code() == 1
    assert f"Port {port} of 127.0.0.1 is taken" in run.output
    assert f"set {variable} to a free port." in run.output
    assert "Starting" not in run.output


def test_a_port_that_an_embedded_server_keeps_is_named_before_anything_starts(
    start: Callable[..., ServerRun], tree: Path
) -> None:
    kept = tree / ".data" / "valkey" / "port"
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept.write_text(f"{ports.free()}\n")
    run = start(PORT=kept.read_text().strip())
    assert run.exit_code() == 1
    assert "which the embedded Valkey keeps for itself: set another port." in run.output
    assert "Starting" not in run.output


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORT": "eight"}, "PORT is wrong"),
        ({"PORT": "8001", "FLOWER_PORT": "8001"}, "PORT and FLOWER_PORT are both 8001"),
        ({"HOST": "192.0.2.1"}, "HOST is 192.0.2.1, where nothing can listen on this machine"),
        ({"MARKET_HOURS": "sometimes"}, "MARKET_HOURS is wrong"),
        ({"API_TOKENS": "nonsense"}, "API_TOKENS is wrong"),
        ({"ALPACA_PAPER_API_KEY": "PK1"}, "ALPACA_PAPER_API_KEY is set without ALPACA_PAPER_API_SECRET"),
        ({"ALPACA_PAPER_URL": "https://a.example"}, "ALPACA_PAPER_URL is set, but no keys for it"),
        ({"DATABASE_URL": "mysql://a/b"}, "DATABASE_URL is wrong"),
        (
            {"DATABASE_URL": "postgresql://127.0.0.1:1/b"},
            "The database that DATABASE_URL names cannot be used",
        ),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "The Redis that REDIS_URL names cannot be used"),
        (
            {"API_TOKENS_FILE": "/nonexistent/tokens"},
            "API_TOKENS_FILE is wrong: /nonexistent/tokens cannot be read",
        ),
        (
            {"DATABASE_URL": "postgresql://127.0.0.1:1,127.0.0.1:2/b"},
            "The database that DATABASE_URL names cannot be used",
        ),
        ({"DATA_DIR": "/dev/null/data"}, "DATA_DIR is /dev/null/data, which cannot be written to"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_stops_the_start_with_a_sentence_that_names_it(
    env: dict[str, str], sentence: str, start: Callable[..., ServerRun]
) -> None:
    run = start(**env)
    assert run.exit_code() == 1
    assert sentence in run.output
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("misbehaviour", "sentence"),
    [
        ("no-migration", "The database could not be migrated; the lines above say why."),
        ("no-worker", "worker ended during the start (exit code 1): its lines say why."),
    ],
)
def test_a_failing_step_ends_the_start_with_a_sentence_and_nothing_left(
    misbehaviour: str, sentence: str, start: Callable[..., ServerRun], tree: Path
) -> None:
    run = start(MISBEHAVE=misbehaviour)
    assert run.exit_code() == 1
    assert run.output.rstrip().endswith(sentence)
    assert wait_until_empty(tree / ".data", 1) == []
