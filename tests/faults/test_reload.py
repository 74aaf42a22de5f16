"""Tokens are read again on SIGHUP, without an outage; a mistake in them keeps those from before."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
import requests

from tests.support.fixtures import StackFactory
from tests.support.stack import Stack

OLD, NEW = "an-old-token-of-the-tests", "a-new-token-of-the-tests"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets") / "api_tokens"


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory, file: Path) -> Stack:
    file.write_text(f"ops:operator:{OLD}")
    stack = make_module_stack(API_TOKENS="", API_TOKENS_FILE=str(file))
    stack.start_web()
    return stack


def status_with(stack: Stack, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{stack.url}/api/bot/status", headers=headers, timeout=15).status_code


@pytest.mark.parametrize("wrong", ["ops:operater:" + NEW, "", "no token at all", "ops:operator:short"])
def test_a_mistake_keeps_the_old_tokens_and_the_log_says_why(stack: Stack, file: Path, wrong: str) -> None:
    before = stack.web.log(whole=True).count("not reloaded")
    file.write_text(wrong)
    stack.web.interrupt(signal.SIGHUP)
    stack.wait_for(lambda: stack.web.log(whole=True).count("not reloaded") > before, 10, "the log says so")
    assert "API_TOKENS" in stack.web.log()
    assert stack.web.running
    assert status_with(stack, OLD) == 200


def test_new_tokens_count_and_no_request_is_lost_meanwhile(stack: Stack, file: Path) -> None:
    file.write_text(f"ops:operator:{OLD},new:operator:{NEW}")
    answers: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(status_with(stack, OLD))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        stack.web.interrupt(signal.SIGHUP)
        stack.wait_for(
            lambda: all(status_with(stack, NEW) == 200 for _ in range(10)), 20, "the new token counts"
        )
    finally:
        done.set()
        asking.join()
    assert set(answers) == {200}
