"""A running server as its operator sees it, on stubs of web and worker."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.tools.launcher import stub_tree
from tests.tools.launcher.processes import living_in, wait_until_empty
from tests.tools.launcher.server_run import READY, ServerRun, token


@pytest.fixture(scope="module")
def running() -> Iterator[ServerRun]:
    """One run for all tests of this file."""
    with tempfile.TemporaryDirectory(prefix="pitboss-") as name:
        run = ServerRun(stub_tree.plant(Path(name)))
        try:
            run.wait_for(READY)
            yield run
            run.send(signal.SIGTERM)
            assert run.exit_code() == 0, run.output
            assert wait_until_empty(run.tree, 1) == []
        finally:
            run.end()


def part(run: ServerRun, name: str) -> psutil.Process:
    """The main process of a part."""
    children = psutil.Process(run.pid).children()
    return next(child for child in children if name in child.cmdline())


def test_it_prints_what_an_operator_needs(running: ServerRun) -> None:
    assert re.search(rf"panel +{running.address}$", running.output, re.M)
    assert len(token(running)) >= 32
    assert "flower-login" in running.output
    assert re.search(r"account +SANDBOX at http://127.0.0.1:\d+", running.output)
    command = re.search(r"try +(curl .*)", running.output)
    assert command
    if shutil.which("curl"):
        answer = subprocess.run(["sh", "-c", command[1]], capture_output=True, text=True)
        assert "worker" in answer.stdout


def test_each_line_of_a_part_names_the_part(running: ServerRun) -> None:
    assert re.search(r"^web +\| .*Listening at", running.output, re.M)
    assert re.search(r"^sandbox +\| ", running.output, re.M)


def test_flower_asks_for_its_password_which_is_in_the_file_that_is_named(running: ServerRun) -> None:
    url = f"http://127.0.0.1:{running.env['FLOWER_PORT']}/workers"
    login = (running.tree / ".data" / "flower-login").read_text().strip()
    assert login.split(":")[1] not in running.output
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert requests.get(url, timeout=5).status_code == 401
            break
        except requests.ConnectionError:
            time.sleep(0.1)
    assert requests.get(url, auth=("operator", login.split(":")[1]), timeout=5).status_code == 200


def test_no_secret_is_in_the_process_list(running: ServerRun) -> None:
    data = running.tree / ".data"
    secrets = [
        word
        for file in (
            "api-tokens",
            "flower-login",
            "secret-key",
            "sandbox-keys",
            "postgres/password",
            "postgres/password-pitboss_app",
            "postgres/password-pitboss_read",
            "valkey/password",
        )
        for word in re.split("[:,]", (data / file).read_text().strip())
        if len(word) >= 16
    ]
    assert len(secrets) == 10
    shown = " ".join(" ".join(process.cmdline()) for process in living_in(running.tree))
    assert "gunicorn" in shown
    assert not [secret for secret in secrets if secret in shown]


def test_its_files_are_readable_by_their_owner_only(running: ServerRun) -> None:
    files = [
        path for path in (running.tree / ".data").iterdir() if path.is_file() and "stub" not in path.name
    ]
    assert {"api-tokens", "server.env", "secret-key", "sandbox-keys"} <= {path.name for path in files}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_another_terminal_finds_the_running_system_in_server_env(running: ServerRun) -> None:
    asked = "from bot.settings.settings import Settings; s = Settings.load(); print(s.redis_url, s.alpaca('paper').key)"
    answer = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=running.tree,
        env={"PATH": os.environ["PATH"], "HOME": "/"},
        capture_output=True,
        text=True,
    )
    assert re.search(r"redis://:\S+@127.0.0.1:\d+/0 SANDBOX", answer.stdout), answer.stderr


def test_a_second_start_on_the_same_data_is_refused_in_one_sentence(
    running: ServerRun,
) -> None:
    second = ServerRun(running.tree)
    assert second.exit_code() == 1
    assert second.output == (
        f"Pitboss already runs on {running.tree / '.data'} (process {running.pid}): "
        "stop it first, or set DATA_DIR to another directory.\n"
    )
    assert requests.get(f"{running.address}/readyz", timeout=5).status_code == 200


def test_a_part_that_crashes_is_started_again_while_the_others_go_on(running: ServerRun) -> None:
    web = part(running, "gunicorn")
    worker = part(running, "worker")
    worker.kill()
    running.wait_for("worker ended unexpectedly (killed by SIGKILL); it starts again in 1 s.")
    assert requests.get(f"{running.address}/readyz", timeout=5).status_code == 200
    running.wait_for("worker started again.")
    assert part(running, "worker").pid != worker.pid
    assert part(running, "gunicorn").pid == web.pid


def test_a_server_that_crashes_is_started_again(running: ServerRun) -> None:
    postgres = next(
        child for child in psutil.Process(running.pid).children() if child.name().startswith("postgres")
    )
    postgres.kill()
    running.wait_for("postgres started again.")
