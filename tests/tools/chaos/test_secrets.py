"""What is looked for in the logs: every secret that a process is given."""

from pathlib import Path

import pytest

from launcher.reaper import Guard
from tests.support.stack import Stack
from tools.chaos import secrets
from tools.chaos.system import System

ENVIRONMENT = {
    "API_TOKENS": "alice:operator:first-token,vera:viewer:second-token",
    "DATABASE_URL": "postgresql://pitboss:of-postgres@127.0.0.1/pitboss",
    "REDIS_URL": "redis://:of-redis@127.0.0.1/0",
    "SECRET_KEY": "of-cookies",
    "ALPACA_LIVE_API_KEY": "AKNOSECRET",
    "ALPACA_LIVE_API_SECRET": "of-alpaca",
    "ALPACA_PAPER_API_SECRET": "",
    "ALPACA_LIVE_URL": "http://127.0.0.1:1",
}


def test_every_secret_among_the_settings_is_known():
    assert set(secrets.of_environment(ENVIRONMENT).values()) == {
        *("first-token", "second-token", "of-postgres", "of-redis", "of-cookies", "of-alpaca")
    }


@pytest.mark.parametrize("secret", secrets.of_environment(ENVIRONMENT).values())
def test_one_that_stands_in_a_log_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str):
    stack = Stack(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(stack, "env", lambda more=None: ENVIRONMENT)
    monkeypatch.setattr(stack, "logs", lambda *, whole: f"all is well, {secret} too")
    assert len(stack.leaked_secrets()) == 1


def test_the_fault_run_looks_into_every_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: Guard):
    system = System(tmp_path, guard)
    monkeypatch.setattr(system, "_env", lambda: ENVIRONMENT)
    (tmp_path / "web.log").write_text("all is well")
    assert system.leaked_secrets() == []
    (tmp_path / "worker.log").write_text("connected with of-postgres")
    assert system.leaked_secrets() == ["password in DATABASE_URL"]
