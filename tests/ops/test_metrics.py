"""/metrics of a real gunicorn with two processes, after real commands."""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ops.scrape import Scrape
from tests.support import ports
from tests.support.fixtures import StackFactory
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def running(make_module_stack: StackFactory, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    directory = tmp_path_factory.mktemp("metrics")
    (directory / "histogram_1.db").write_bytes(b"left behind by an earlier run")
    return make_module_stack(PROMETHEUS_MULTIPROC_DIR=str(directory)).start()


@pytest.fixture
def stack(running: Stack) -> Stack:
    return running


def test_commands_are_counted_whoever_finished_them_and_requests_over_both_processes(stack: Stack) -> None:
    stack.wait_accepting()
    api = stack.api()
    for path in ("/start", "/pause", "/resume", "/stop"):
        api.do(path)
    assert api.post("/stop").status_code == 400
    api.do("/kill", {"reason": "metrics"})  # applied by web, the others by the worker
    assert stack.call("call", "bot.rearm").returncode == 0
    stack.wait_for(lambda: stack.commands()[-1]["status"] == "applied", 10, "rearmed by hand")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: api.get("/status"), range(200)))

    scrapes = [Scrape(stack.api("viewer")) for _ in range(8)]

    for scrape in scrapes:
        truth = stack.sql("SELECT kind, status, count(*) AS n FROM bot_command GROUP BY 1, 2")
        for row in truth:
            assert scrape.get("commands_total", kind=row["kind"], outcome=row["status"]) == row["n"]
        assert scrape.total("commands_total") == sum(row["n"] for row in truth) == 7
        assert scrape.get("command_duration_seconds_count", kind="stop") == 1
        assert scrape.get("command_duration_seconds_bucket", kind="stop", le="+Inf") == 1
        assert scrape.get("command_duration_seconds_count", kind="set_mode") == 0
        count = "http_request_duration_seconds_count"
        assert scrape.get(count, route="/api/bot/stop", method="POST", status="200") == 1
        assert scrape.get(count, route="/api/bot/stop", method="POST", status="400") == 1
        assert scrape.get(count, route="/api/bot/status", method="GET", status="200") == 200
    # the scrape itself is among the requests: each sees those before it, also those the other process answered
    seen = [scrape.total("http_request_duration_seconds_count", route="/metrics") for scrape in scrapes]
    assert seen == list(range(int(seen[0]), int(seen[0]) + 8))
    written = list(Path(stack.env()["PROMETHEUS_MULTIPROC_DIR"]).glob("histogram_*.db"))
    assert len(written) == 2, written  # two processes, and nothing of the earlier run


def test_what_the_database_knows_is_as_it_is_now(stack: Stack) -> None:
    scrape = Scrape(stack.api())
    status = stack.status()

    assert scrape.get("database_up") == scrape.get("queue_up") == 1
    assert scrape.held("state") == {status["state"]} == {"stopped"}
    assert scrape.held("mode") == {"paper"}
    assert scrape.held("gate_closed") == set(status["reasons"])
    assert scrape.get("gate_open") == 0
    assert scrape.get("enabled") == scrape.get("killed") == 0
    assert scrape.get("revision") == status["revision"]
    assert scrape.held("reconciliation") == {"ok"}
    assert scrape.get("market_open") == 1
    assert scrape.get("worker_online") == scrape.get("workers_online") == 1
    assert (scrape.get("worker_heartbeat_age_seconds") or 99) < 60
    assert scrape.get("commands_pending") == scrape.get("commands_pending_oldest_age_seconds") == 0
    assert scrape.get("open_positions") == 0

    stack.sql("UPDATE bot_worker SET last_seen_at = last_seen_at - interval '1 hour'")
    stack.sql(
        "INSERT INTO bot_command (id, kind, actor, source, issued_at)"
        " VALUES (gen_random_uuid(), 'reconcile', 'a', 'api', clock_timestamp() - interval '9 seconds')"
    )
    assert Scrape(stack.api()).get("commands_pending") in (0, 1)
    stack.wait_for(lambda: Scrape(stack.api()).get("commands_pending") == 0, 15, "it is reconciled")
    assert Scrape(stack.api()).get("command_duration_seconds_bucket", kind="reconcile", le="5.0") == 0
    assert Scrape(stack.api()).get("command_duration_seconds_bucket", kind="reconcile", le="+Inf") == 1


def test_the_metrics_need_a_token_and_every_role_may_read_them(stack: Stack) -> None:
    assert stack.api(None).get("//metrics").status_code == 401
    for role in ("operator", "viewer", "bot"):
        assert stack.api(role).get("//metrics").status_code == 200


def test_an_invented_address_or_method_is_no_label_of_its_own(stack: Stack) -> None:
    for number in range(5):
        stack.api().get(f"/invented-{number}")
        stack.api().request(f"INVENT{number}", "/status")
    scrape = Scrape(stack.api())
    assert "invent" not in scrape.text.lower()
    assert scrape.total("http_request_duration_seconds_count", route="other", status="404") >= 5


def test_promtool_likes_the_metrics(stack: Stack) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    text = Scrape(stack.api()).text
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_process_that_ends_takes_nothing_out_of_the_sums(stack: Stack) -> None:
    count = ("http_request_duration_seconds_count", "/api/bot/status")
    before = Scrape(stack.api()).total(count[0], route=count[1])
    stack.web.kill_child()
    stack.wait_web()
    assert Scrape(stack.api()).total(count[0], route=count[1]) >= before


def test_a_process_that_has_just_begun_its_file_keeps_no_scrape_out(stack: Stack) -> None:
    begun = Path(stack.env()["PROMETHEUS_MULTIPROC_DIR"]) / "histogram_0.db"
    begun.touch()
    try:
        assert Scrape(stack.api()).get("database_up") == 1
    finally:
        begun.unlink()


def test_the_directory_is_made_fresh_and_goes_with_gunicorn(make_stack: StackFactory) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - gunicorn's, and looked at only
    if not memory.is_dir():
        pytest.skip("there is no /dev/shm")

    def ours() -> set[Path]:
        return set(memory.glob("pitboss-metrics-*"))

    left, lived_in = (Path(tempfile.mkdtemp(prefix="pitboss-metrics-", dir=memory)) for _ in range(2))
    for directory in (left, lived_in):
        (directory / "lock").touch()
        os.utime(directory, (time.time() - 120,) * 2)
    before = ours() - {left}
    with (lived_in / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _start_and_stop(make_stack, ours, before)
        assert not left.exists()
        assert lived_in.exists()
    shutil.rmtree(lived_in)


def _start_and_stop(make_stack: StackFactory, ours: Callable[[], set[Path]], before: set[Path]) -> None:
    stack = make_stack()
    stack.start_redis()
    stack.start_web()
    (made,) = (each for each in ours() - before if _is_of(each, stack.web.pid))
    assert list(made.glob("*.db"))
    stack.web.terminate()
    assert made not in ours()


def _is_of(directory: Path, pid: int) -> bool:
    """Whether process *pid* holds the directory's lock; others start and stop gunicorns meanwhile."""
    return any(
        Path(link).exists() and link.resolve() == directory / "lock"
        for link in Path(f"/proc/{pid}/fd").iterdir()
    )


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("how", ["away", "silent"])
def test_a_database_that_does_not_answer_is_a_metric_and_not_an_error(
    make_stack: StackFactory, silent_port: int, how: str
) -> None:
    port = ports.free() if how == "away" else silent_port
    stack = make_stack(DATABASE_URL=f"postgresql://pitboss@127.0.0.1:{port}/pitboss")
    stack.start_redis()
    stack.start_web()

    # one after the other, the last would wait longer than this client does: 4 s for each of the eight of a process
    with ThreadPoolExecutor(16) as pool:
        scrapes = list(pool.map(lambda _: Scrape(stack.api()), range(16)))

    for scrape in scrapes:
        assert scrape.get("database_up") == 0
        assert scrape.get("gate_open") is None
    assert Scrape(stack.api()).total("http_request_duration_seconds_count", route="/metrics") == 16
