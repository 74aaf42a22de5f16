"""What the health checks of the containers look at, and what starts Flower."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sandbox.server import Server
from tests.support import ports
from tests.support.fixtures import StackFactory
from tests.support.process import Process
from tests.support.stack import ROOT, Stack
from tests.support.waiting import wait_for

HEALTHY, FLOWER = ROOT / "deploy" / "healthy", ROOT / "deploy" / "flower"


def healthy(what: str, **env: str) -> bool:
    done = subprocess.run(
        [str(HEALTHY), what],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


def age(file: Path, seconds: int) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


@pytest.mark.parametrize(("what", "fresh_sec", "old_sec"), [("worker", 15, 25), ("beat", 50, 70)])
def test_who_touched_the_file_lately_is_alive(
    tmp_path: Path, what: str, fresh_sec: int, old_sec: int
) -> None:
    file = tmp_path / "alive"
    assert not healthy(what, ALIVE_FILE=str(file)), "it has not come up yet"
    file.touch()
    age(file, fresh_sec)
    assert healthy(what, ALIVE_FILE=str(file))
    age(file, old_sec)
    assert not healthy(what, ALIVE_FILE=str(file))


def test_web_is_asked_for_its_health(tmp_path: Path, stack: Stack) -> None:
    assert healthy("web", PORT=str(stack.port))
    assert not healthy("web", PORT=str(ports.free()))


def test_an_answer_that_is_not_200_is_no_health() -> None:
    with Server(port=0) as server:
        assert healthy("web", PORT=server.url.rpartition(":")[2])
        server_port = server.url.rpartition(":")[2]
        script = HEALTHY.read_text().replace("/healthz", "/nothing")
        done = subprocess.run(
            ["bash", "-c", script, "healthy", "web"], env={"PATH": os.environ["PATH"], "PORT": server_port}
        )
        assert done.returncode == 1


@pytest.mark.parametrize("what", ["web", "worker"])
def test_a_check_starts_no_python_which_would_take_longer_than_all_else(
    tmp_path: Path, stack: Stack, what: str
) -> None:
    for program in ("bash", "stat", "date"):
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    file = tmp_path / "alive"
    file.touch()
    done = subprocess.run(
        [str(tmp_path / "bash"), str(HEALTHY), what],
        env={"PATH": str(tmp_path), "PORT": str(stack.port), "ALIVE_FILE": str(file)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_worker_touches_its_file_and_a_frozen_one_does_not(make_stack: StackFactory) -> None:
    stack = make_stack()
    file = stack.directory / "alive"
    stack.start_redis()
    stack.start_sandbox()
    stack.start_worker(env={"ALIVE_FILE": str(file)})
    assert healthy("worker", ALIVE_FILE=str(file))
    age(file, 60)
    stack.wait_for(lambda: time.time() - file.stat().st_mtime < 10, 10, "it is touched again")
    stack.worker.freeze()
    age(file, 60)
    time.sleep(4)
    assert not healthy("worker", ALIVE_FILE=str(file))


@pytest.mark.parametrize(
    "interval", [pytest.param((), marks=pytest.mark.long, id="as deployed"), ("--max-interval=1",)]
)
def test_beat_touches_its_file(make_stack: StackFactory, interval: tuple[str, ...]) -> None:
    stack = make_stack()
    stack.start_redis()
    file = stack.directory / "alive"
    command = stack.celery("beat", f"--schedule={stack.directory}/schedule", "--pidfile=", *interval)
    beat = Process(
        "beat", command, env=stack.env({"ALIVE_FILE": str(file)}), cwd=ROOT, log=stack.directory / "beat.log"
    )
    beat.start()
    try:
        wait_for(file.exists, 30, "it is there", evidence=beat.log)
        age(file, 120)
        wait_for(lambda: healthy("beat", ALIVE_FILE=str(file)), 20, "it is touched again", evidence=beat.log)
        assert beat.terminate() == 0
    finally:
        beat.close()


# -- Flower -----------------------------------------------------------------------------------------------------


def run_flower(tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """With a python that only says what it was started with."""
    (tmp_path / "python").write_text(
        '#!/bin/sh\necho "login=$FLOWER_BASIC_AUTH file=${FLOWER_BASIC_AUTH_FILE-none}"; echo "$@"\n'
    )
    (tmp_path / "python").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    return subprocess.run(
        [str(FLOWER)], env={"PATH": path, **env}, capture_output=True, text=True, timeout=20
    )


def test_flower_takes_its_login_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("operator:a-password\n")
    done = run_flower(tmp_path, FLOWER_BASIC_AUTH_FILE=str(tmp_path / "login"))
    assert "login=operator:a-password file=none" in done.stdout
    assert "a-password" not in done.stdout.splitlines()[1], "a command line can be read by others"


@pytest.mark.parametrize("content", ["", "\n", "operator", "operator:", ":password"])
def test_flower_does_not_start_without_a_login(tmp_path: Path, content: str) -> None:
    (tmp_path / "login").write_text(content)
    for env in ({"FLOWER_BASIC_AUTH_FILE": str(tmp_path / "login")}, {"FLOWER_BASIC_AUTH": content}, {}):
        done = run_flower(tmp_path, **env)
        assert done.returncode == 1
        assert (
            "Flower cannot start: FLOWER_BASIC_AUTH (or FLOWER_BASIC_AUTH_FILE) must be user:password."
            in done.stderr
        )


def test_flower_does_not_start_when_the_file_is_missing(tmp_path: Path) -> None:
    assert run_flower(tmp_path, FLOWER_BASIC_AUTH_FILE=str(tmp_path / "nothing")).returncode == 1


def test_the_scripts_are_fit_for_a_shell() -> None:
    for script in (HEALTHY, FLOWER, ROOT / "script" / "secrets", ROOT / "script" / "upgrade"):
        shell = script.read_text().splitlines()[0].removeprefix("#!")
        assert subprocess.run([shell, "-n", str(script)]).returncode == 0
        assert os.access(script, os.X_OK), f"{script} cannot be executed"
