"""The sender of messages, against a real Redis."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
import redis
from kombu.transport.redis import Channel

from bot.settings import queue as queues
from bot.states import CommandKind
from tests.bot.world import settings_for
from web.commands.publisher import Announcement, Publisher

MESSAGES = 20


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The clients that kombu makes from now on."""
    made: list[Any] = []
    create = Channel._create_client  # type: ignore[attr-defined] # the types leave it out

    def noted(*args: Any, **options: Any) -> Any:
        made.append(create(*args, **options))
        return made[-1]

    monkeypatch.setattr(Channel, "_create_client", noted)
    return made


@pytest.fixture
def publisher(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    monkeypatch.setenv("REDIS_URL", redis_url)
    made = Publisher(settings_for("postgresql://nobody@127.0.0.1:1/none", redis_url=redis_url))
    # celeryconfig is read once for a process
    made._celery.conf.update(broker_url=redis_url, broker_write_url=redis_url)
    return made


def ids(redis_url: str) -> list[str]:
    """The commands that the messages in the queue announce, the oldest first."""
    with redis.Redis.from_url(redis_url) as client:
        messages: Any = client.lrange(queues.DEFAULT_QUEUE, 0, -1)
    return [json.loads(message)["headers"]["id"] for message in reversed(messages)]


def test_one_client_serves_all_messages_until_the_connection_is_lost(
    publisher: Publisher, clients: list[Any], redis_url: str
):
    sent: list[str] = []
    for _ in ("a connection", "another one"):
        publisher._hang_up()
        sent.append(send(publisher))  # opens it
        at_first = len(clients)
        sent += [send(publisher) for _ in range(MESSAGES)]
        publisher._check()
        assert len(clients) == at_first, "kombu makes one for each message"
    assert ids(redis_url) == sent


def send(publisher: Publisher) -> str:
    """Send one message, in this thread: nothing comes in between."""
    announcement = Announcement(CommandKind.START, uuid4(), "alice", {})
    publisher._send(announcement)
    return str(announcement.command_id)
