"""Log lines: one command is found in all of them by its id, and no secret in any."""

import io
import json
import logging
import socket
import sys
from typing import Any

import pytest
from structlog.contextvars import get_contextvars

from bot.runtime import logs
from bot.settings.settings import Settings
from bot.settings.types import LogFormat
from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory
from tests.support.process import Process
from tests.support.stack import Stack
from web.app import create_app


@pytest.fixture(scope="module")
def running(make_module_stack: StackFactory) -> Stack:
    return make_module_stack().start()


@pytest.fixture
def stack(running: Stack) -> Stack:
    return running


def lines(process: Process) -> list[dict[str, Any]]:
    """Every line of the process's log; all of them are JSON."""
    return [json.loads(line) for line in process.log(whole=True).splitlines()]


def of_command(process: Process, command_id: str) -> list[dict[str, Any]]:
    return [line for line in lines(process) if line.get("command_id") == command_id]


def test_the_same_id_is_in_the_lines_of_web_queue_and_worker(stack: Stack) -> None:
    command_id = stack.api().do("/start", {"reason": "good morning"})["commandId"]
    stack.wait_for(lambda: len(of_command(stack.worker, command_id)) >= 3, 5, "Celery's lines came")

    asked = [line for line in of_command(stack.web, command_id) if line["logger"] == "web.commands.dispatch"]
    assert [(line["kind"], line["actor"], line["status"], line["revision"]) for line in asked] == [
        ("start", "operator", "applied", 1)
    ]
    published = [
        line for line in of_command(stack.web, command_id) if line["logger"] == "web.commands.publisher"
    ]
    assert [(line["event"], line["actor"]) for line in published] == [("published start", "operator")]

    # the worker's task or its sweep, whoever came first
    received, *_ = [line for line in of_command(stack.worker, command_id) if "strategy" in line["logger"]]
    assert "bot.start" in received["event"]
    finished = [
        line for line in of_command(stack.worker, command_id) if line["logger"] == "bot.commands.controller"
    ]
    assert len(finished) == 1
    duration = finished[0].pop("duration_ms")
    assert duration >= 0
    assert finished[0] | {"timestamp": "", "level": ""} == {
        "event": "start applied",
        "logger": "bot.commands.controller",
        "level": "",
        "timestamp": "",
        "command_id": command_id,
        "kind": "start",
        "actor": "operator",
        "source": "api",
        "status": "applied",
        "from_state": "stopped",
        "to_state": "running",
        "mode": "paper",
        "revision": 1,
        "error_code": None,
        "reason": "good morning",
    }
    done = [line for line in of_command(stack.worker, command_id) if "succeeded" in line["event"]]
    assert len(done) == 1
    assert done[0]["kind"] == "start"


def test_what_web_applies_itself_is_a_line_of_web(stack: Stack) -> None:
    command_id = stack.api().do("/kill", {"reason": "smoke"})["commandId"]
    finished = [
        line for line in of_command(stack.web, command_id) if line["logger"] == "bot.commands.controller"
    ]
    assert [(line["event"], line["actor"]) for line in finished] == [("kill applied", "operator")]
    assert of_command(stack.worker, command_id) == []


def test_a_thread_does_not_take_one_requests_words_into_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Celery's settings are read from the environment, whoever makes the app
    monkeypatch.setenv("DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("REDIS_URL", str(settings.redis_url))
    client = create_app(settings).test_client()
    with logs.bound_contextvars():
        logs.bind_contextvars(command_id="of the request before")
        assert client.get("/healthz").status_code == 200
        assert get_contextvars() == {}


def test_gunicorns_own_lines_look_like_all_others(stack: Stack) -> None:
    found = [line for line in lines(stack.web) if line["logger"] == "gunicorn.error"]
    assert any("Listening at" in line["event"] for line in found)
    assert any("Booting worker" in line["event"] for line in found)
    assert {"timestamp", "level", "logger", "event"} <= set(found[0])


def test_a_token_in_a_request_that_is_not_understood_is_not_shown(stack: Stack) -> None:
    token = TOKENS["operator"]
    for broken in (
        f"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {token}\r\n\r\n",
        f"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer {token}\r\n\r\n",
        f"GET /healthz?token={token} HTTP/9.9\r\nHost: x\r\n\r\n",
        f"{token} / HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", stack.port), timeout=15) as sock:
            sock.sendall(broken.encode())
            sock.recv(1000)
    stack.api().get(f"/no-such-page?token={token}")
    stack.api().post("/start", data="{", headers={"Content-Type": "application/json"})

    assert stack.leaked_secrets() == []
    assert "***" in stack.web.log(whole=True)


# -- the formatter ------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATA_DIR", "/nonexistent")
    return Settings.load(
        database_url="postgresql://pitboss:database%2Fpassword@localhost/pitboss",
        redis_url="redis://:redis-password@localhost/0",
        api_tokens='a:operator:token-with-"quotes"-in-it,b:viewer:token-of-the-viewer',
        alert_webhook_url="https://hooks.slack.com/services/T1/B2/path-of-the-hook",
        alert_webhook_secret="secret-of-the-webhook",
        alpaca_paper_api_key="PK",
        alpaca_paper_api_secret="secret-of-alpaca",
        secret_key="secret-of-the-sessions",
        log_level="warning",
    )


def written(settings: Settings, message: str, *args: object, human: bool = False, **extra: Any) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.Formatter(human=human, secrets=settings.secrets))
    logger = logging.Logger("tests")
    logger.addHandler(handler)
    logger.info(message, *args, **extra)
    return out.getvalue()


@pytest.mark.parametrize("human", [True, False])
@pytest.mark.parametrize(
    "secret",
    [
        "database/password",
        "database%2Fpassword",
        "redis-password",
        'token-with-"quotes"-in-it',
        "token-of-the-viewer",
        "/services/T1/B2/path-of-the-hook",
        "secret-of-the-webhook",
        "secret-of-alpaca",
        "secret-of-the-sessions",
        "Bearer what-nobody-knows",
    ],
)
def test_no_secret_of_the_settings_is_shown(settings: Settings, secret: str, human: bool) -> None:
    line = ""
    try:
        local = secret  # a traceback that shows variables would show it
        raise ValueError(f"failed with {local}")
    except ValueError:
        line = written(settings, "seen: %s %r", secret, [secret], human=human, exc_info=True)
    hidden = secret.removeprefix("Bearer ")
    for form in (hidden, json.dumps(hidden)[1:-1]):
        assert form not in line
    assert "***" in line
    assert "seen" in line


def test_a_line_has_what_is_bound_and_what_is_said_with_it(settings: Settings) -> None:
    with logs.bound_contextvars(command_id="bound", actor="alice"):
        line = json.loads(written(settings, "x", extra={"command_id": "said", "unknown": 1}))
    assert (line["command_id"], line["actor"], line["level"]) == ("said", "alice", "info")
    assert "unknown" not in line


def test_lines_are_for_a_person_on_a_terminal_and_json_elsewhere_unless_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def human(look: str, terminal: bool) -> bool:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
        config = logs.config(settings.model_copy(update={"log_format": LogFormat(look)}))
        return bool(config["formatters"]["pitboss"]["human"])

    assert human("auto", terminal=True)
    assert not human("auto", terminal=False)
    assert human("text", terminal=False)
    assert not human("json", terminal=True)
    assert logs.config(settings)["root"]["level"] == "WARNING"
    assert "x" in written(settings, "x", human=True)
