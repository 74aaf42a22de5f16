"""Whatever stands in Redis's queue, the worker refuses it with a log line, lives on, and applies the next command."""

import base64
import json
import pickle
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import redis

from tests.support.fixtures import StackFactory
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def _stack(make_module_stack: StackFactory) -> Stack:
    return make_module_stack().start()


@pytest.fixture
def stack(_stack: Stack) -> Stack:
    """A running system whose queue is empty."""
    with redis.Redis.from_url(_stack.redis.url) as client:
        client.flushall()
    if not _stack.worker.running:
        _stack.start_worker()
    return _stack


def message(body: Any = None, headers: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A message as Celery writes it into Redis."""
    task_id = str(uuid4())
    raw = body if isinstance(body, bytes) else json.dumps([[], {}, {}] if body is None else body).encode()
    return {
        "body": base64.b64encode(raw).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "bot.pause", "id": task_id, "root_id": task_id, "retries": 0}
        if headers is None
        else headers,
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_tag": str(uuid4()),
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "priority": 0,
            "body_encoding": "base64",
        },
        **changes,
    }


def without(name: str) -> dict[str, Any]:
    found = message()
    del found[name]
    return found


def bare_headers(**headers: Any) -> dict[str, Any]:
    return message(headers=headers)


BAD: dict[str, Callable[[], bytes]] = {
    "bytes that are no text": lambda: b"\xff\xfe\x00garbage",
    "text that is no JSON": lambda: b"hello",
    "nothing": lambda: b"",
    "half a message": lambda: json.dumps(message()).encode()[:100],
    "a number": lambda: b"7",
    "a list": lambda: b"[1, 2]",
    "null": lambda: b"null",
    "an empty object": lambda: b"{}",
    "a pickle": lambda: pickle.dumps({"task": "bot.start"}),
    "deeply nested": lambda: b"[" * 100_000,
    "no properties": lambda: json.dumps(without("properties")).encode(),
    "no headers": lambda: json.dumps(without("headers")).encode(),
    "no body": lambda: json.dumps(without("body")).encode(),
    "no content type": lambda: json.dumps(without("content-type")).encode(),
    "properties that are a text": lambda: json.dumps(message(properties="none")).encode(),
    "no delivery tag": lambda: json.dumps(message(properties={"body_encoding": "base64"})).encode(),
    "a body that is not base64": lambda: json.dumps(message(body="x") | {"body": "%%%"}).encode(),
    "a body of another encoding": lambda: json.dumps(message() | {"content-encoding": "no-such"}).encode(),
    "a pickled body": lambda: json.dumps(
        message(pickle.dumps([[], {}, {}])) | {"content-type": "application/x-python-serialize"}
    ).encode(),
    "a pickled body that says it is JSON": lambda: json.dumps(message(pickle.dumps([[], {}, {}]))).encode(),
    "a body that is a number": lambda: json.dumps(message(7)).encode(),
    "a body that is an object": lambda: json.dumps(message({"args": []})).encode(),
    "a body without keyword arguments": lambda: json.dumps(message([[]])).encode(),
    "arguments that are no list": lambda: json.dumps(message([7, 7, 7])).encode(),
    "arguments that are null": lambda: json.dumps(message([None, None, None])).encode(),
    "keyword arguments that are a list": lambda: json.dumps(message([[], ["reason"], {}])).encode(),
    "an unknown task": lambda: json.dumps(bare_headers(task="bot.fly", id=str(uuid4()))).encode(),
    "a task of Celery's own": lambda: json.dumps(
        bare_headers(task="celery.backend_cleanup", id=str(uuid4()))
    ).encode(),
    "a task name that is a number": lambda: json.dumps(bare_headers(task=7, id=str(uuid4()))).encode(),
    "a task name that is a list": lambda: json.dumps(
        bare_headers(task=["bot.start"], id=str(uuid4()))
    ).encode(),
    "a task without an id": lambda: json.dumps(bare_headers(task="bot.pause", reason="none")).encode(),
    "an id that is a number": lambda: json.dumps(bare_headers(task="bot.pause", id=7)).encode(),
    "an id that is an object": lambda: json.dumps(bare_headers(task="bot.pause", id={"a": 1})).encode(),
    "an eta that is no time": lambda: json.dumps(
        bare_headers(task="bot.pause", id=str(uuid4()), eta="soon")
    ).encode(),
    "an expiry that is no time": lambda: json.dumps(
        bare_headers(task="bot.pause", id=str(uuid4()), expires="soon")
    ).encode(),
    "a time limit that is a text": lambda: json.dumps(
        bare_headers(task="bot.pause", id=str(uuid4()), timelimit="long")
    ).encode(),
    "a time of sending that is none": lambda: json.dumps(
        bare_headers(task="bot.pause", id=str(uuid4()), pitboss_sent_at="yesterday", pitboss_doorbell=True)
    ).encode(),
    "wrong arguments": lambda: json.dumps(message([["now"], {}, {}])).encode(),
    "unknown arguments": lambda: json.dumps(message([[], {"when": "now"}, {}])).encode(),
    "a huge body": lambda: json.dumps(message([[], {"reason": "x" * 20_000_000}, {}])).encode(),
    "a chain of other tasks": lambda: json.dumps(
        message([[], {}, {"chain": [{"task": "bot.kill"}], "callbacks": 7}])
    ).encode(),
}


#: Done without a complaint, since nothing comes of it: Celery's own housekeeping, and a doorbell of no command.
HARMLESS = {"a task of Celery's own", "a time of sending that is none"}


@pytest.mark.parametrize("what", BAD)
def test_the_worker_lives_on(stack: Stack, what: str):
    pids = [stack.worker.pid, *stack.worker.children()]
    before, rows = len(stack.worker.log()), len(by_hand(stack))
    with redis.Redis.from_url(stack.redis.url) as client:
        client.lpush("celery", BAD[what]())

    done = stack.api().patch("/config", {"maxConcurrentPositions": 5})
    assert done.status_code == 200, done.text
    heard = f"bot.update_config[{done.json()['commandId']}] succeeded"
    stack.wait_for(lambda: heard in stack.worker.log(), 10, "the worker hears the message behind it")
    assert [stack.worker.pid, *stack.worker.children()] == pids
    # a message that can be read as a command is one, and the command log says what became of it
    said = stack.worker.log()[before:]
    complained = any(word in said for word in ('"warning"', '"error"', '"critical"', "raised exception"))
    assert complained or what in HARMLESS or len(by_hand(stack)) == rows + 1


def by_hand(stack: Stack) -> list[dict[str, Any]]:
    return stack.sql("SELECT kind FROM bot_command WHERE source = 'celery'")
