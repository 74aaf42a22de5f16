"""``script/server --demo``: one command, and a bot that can be watched."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launcher.environment import complete
from tests.support import ports
from tests.support.client import Api
from tests.support.waiting import wait_for
from tests.tools.launcher.server_run import ServerRun, token

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "launcher", "--demo")


@pytest.fixture(scope="module")
def running() -> Iterator[ServerRun]:
    # Not pytest's own directory: root's PostgreSQL runs under another account and must get through to it.
    with tempfile.TemporaryDirectory(prefix="pitboss-", ignore_cleanup_errors=True) as directory:
        run = ServerRun(ROOT, command=COMMAND, DATA_DIR=directory)
        try:
            run.wait_for("Pitboss runs.")
            yield run
            run.send(signal.SIGTERM)
            assert run.exit_code(30) == 0, run.output
        finally:
            run.end()


@pytest.fixture(scope="module")
def operator(running: ServerRun) -> Api:
    return Api(running.address, token(running))


def test_it_says_how_to_start_the_bot_and_that_the_market_counts_as_open(running: ServerRun) -> None:
    assert "the example bot trades at the sandbox when you start it: curl -X POST" in running.output
    assert "MARKET_HOURS is always: the market counts as open" in running.output


def test_the_bot_waits_for_a_start_then_trades_and_stops_with_a_stop(
    running: ServerRun, operator: Api
) -> None:
    running.wait_for("the gate is closed: disabled, not_running")
    assert operator.read("/trades")["items"] == []
    operator.do("/start")
    running.wait_for("bought ")
    trade = operator.read("/trades")["items"][0]
    assert (trade["status"], trade["mode"]) == ("open", "paper")
    assert re.search(r"^demo +\| .*bought \S+ [A-Z]{4} at ", running.output, re.M)
    operator.do("/stop")
    running.wait_for("the gate is closed: not_running")


def test_the_bot_has_a_token_of_its_own_and_no_other_secret(running: ServerRun, operator: Api) -> None:
    demo = next(
        child for child in psutil.Process(running.pid).children() if "examples.demo_bot" in child.cmdline()
    )
    environment = demo.environ()
    assert not {"API_TOKENS", "DATABASE_URL", "REDIS_URL", "SECRET_KEY"} & environment.keys()
    own = environment["PITBOSS_TOKEN"]
    assert Api(running.address, own).get("/gate").status_code == 200
    assert Api(running.address, own).post("/start").status_code == 403
    assert own not in running.output


def test_a_bot_that_crashes_is_started_again(running: ServerRun, operator: Api) -> None:
    demo = next(
        child for child in psutil.Process(running.pid).children() if "examples.demo_bot" in child.cmdline()
    )
    demo.kill()
    running.wait_for("demo started again.")
    wait_for(lambda: operator.status()["worker"]["online"], 5, "the others go on")


def test_without_the_option_no_bot_runs_and_the_hours_are_those_of_the_exchange() -> None:
    with tempfile.TemporaryDirectory() as directory:
        plain = complete({}, Path(directory), "postgresql://x/y", "redis://x")
        assert plain.demo_token is None
        assert "MARKET_HOURS" not in plain.variables
        asked = complete(
            {"MARKET_HOURS": "nyse"}, Path(directory), "postgresql://x/y", "redis://x", demo=True
        )
        assert asked.variables["MARKET_HOURS"] == "nyse"


def test_with_keys_of_a_real_account_the_demo_is_refused() -> None:
    with tempfile.TemporaryDirectory(prefix="pitboss-") as directory:
        done = subprocess.run(
            COMMAND,
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DATA_DIR": directory,
                "PORT": str(ports.free()),
                "FLOWER_PORT": str(ports.free()),
                "ALPACA_PAPER_API_KEY": "PK1",
                "ALPACA_PAPER_API_SECRET": "secret",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "--demo trades at the sandbox only: unset ALPACA_PAPER_API_KEY and ALPACA_PAPER_API_SECRET to use it.\n"
    )
