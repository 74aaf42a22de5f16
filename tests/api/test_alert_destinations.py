"""A test alert by REST and by script/pitboss: who is told, and whether it arrived."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from client import Pitboss
from tests.bot.alerts.services import Service
from tests.support import envelope
from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory
from tests.support.stack import ROOT, Stack


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def telling(make_module_stack: StackFactory, service: Service) -> Stack:
    """A system that tells one address what is critical, and another everything, trades as well."""
    address = f"json://127.0.0.1:{service.port}"
    urls = f"critical={address}/a-secret-path {address}/everything"
    return make_module_stack(ALERT_URLS=urls, ALERT_TRADES="true").start()


def pitboss(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PITBOSS_URL": stack.url, "PITBOSS_TOKEN": TOKENS["operator"]}
    return subprocess.run(
        [Path(ROOT) / "script" / "pitboss", *arguments], env=env, capture_output=True, text=True, timeout=60
    )


def test_a_test_alert_reaches_every_destination(telling: Stack, service: Service):
    done = pitboss(telling, "test-alert")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "json-" in done.stdout
    assert {path for path, said in service.taken if "A test, asked for by operator" in said["message"]} == {
        "/a-secret-path",
        "/everything",
    }
    found = telling.api("viewer").read("/alerts/destinations")["items"]
    assert [(each["least"], each["failures"]) for each in found] == [("critical", 0), ("info", 0)]
    assert "a-secret-path" not in str(found)
    assert "a-secret-path" not in telling.logs(whole=True)


def test_an_entry_and_an_exit_are_told_to_whom_is_told_everything(telling: Stack, service: Service):
    service.taken.clear()
    telling.api().do("/start")
    with Pitboss(telling.url, TOKENS["bot"]) as bot, bot.trade("SOIL", shares=5, price="9.10") as trade:
        trade.ordered("904837e3-3b76-47ec-b432-046db621571b")
        trade.filled(price="9.12", shares=5)
        trade.closed(price="9.40", reason="profit_target")

    def told() -> str:
        return "\n".join(said["message"] for path, said in service.taken if path == "/everything")

    telling.wait_for(lambda: "SOIL closed" in told(), 15, "the exit is told")
    assert told().count("5 SOIL at 9.12, in paper mode.") == 1, "once, and not when it was only ordered"
    assert "SOIL closed in paper mode at 9.4: 1.40 USD (profit target)." in told()
    assert [path for path, said in service.taken if "SOIL" in said["message"]] == ["/everything"] * len(
        [path for path, said in service.taken if "SOIL" in said["message"]]
    )


def test_one_that_does_not_take_it_is_named(telling: Stack, service: Service):
    service.status = 500
    done = pitboss(telling, "test-alert")
    service.status = 200
    assert done.returncode == 1
    assert "The service answered 500." in done.stdout


def test_only_an_operator_may_send_one(telling: Stack):
    envelope.check(telling.api("viewer").post("/alerts/test"), 403, "forbidden")


def test_where_nobody_is_told_it_says_so(stack: Stack):
    assert stack.api().do("/alerts/test")["destinations"] == []
    done = pitboss(stack, "test-alert")
    assert done.returncode == 1
    assert "Nobody is told anything" in done.stdout


def test_an_address_that_apprise_does_not_know_stops_web(make_module_stack: StackFactory):
    stack = make_module_stack(ALERT_URLS="nonsense://secret-address")
    stack.start_web(wait=False)
    stack.wait_for(lambda: not stack.web.running, 30, "web has ended")
    assert "ALERT_URLS is wrong: entry 1 (nonsense://…)" in stack.web.log()
    assert "secret-address" not in stack.web.log()
