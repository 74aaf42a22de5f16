"""The worker's way to Redis, without a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from kombu.transport.redis import Channel

from worker.transport import Transport


@pytest.fixture
def channel(redis_url: str) -> Iterator[Any]:
    with Connection(redis_url, transport=Transport) as connection, connection.channel() as made:
        yield made


def test_one_client_serves_all_messages_of_a_channel(channel: Any, monkeypatch: pytest.MonkeyPatch):
    made: list[Any] = []
    create = Channel._create_client  # type: ignore[attr-defined] # the types leave it out

    def noted(*args: Any, **options: Any) -> Any:
        made.append(create(*args, **options))
        return made[-1]

    monkeypatch.setattr(Channel, "_create_client", noted)
    for number in range(20):
        channel.basic_publish(channel.prepare_message(f"{number}"), exchange="", routing_key="q")
    for number in range(20):
        message = channel.basic_get("q")
        assert message.body == f"{number}".encode()
        channel.basic_ack(message.delivery_tag)
    assert channel.basic_get("q") is None
    assert len(made) == 1, "kombu makes one for each step of each message"


def test_a_channel_whose_connections_were_cut_goes_on_with_new_ones(channel: Any):
    for number in range(3):
        channel.basic_publish(channel.prepare_message(f"{number}"), exchange="", routing_key="q")
        message = channel.basic_get("q")
        channel._disconnect_pools()  # as kombu does after a fork
        assert message.body == f"{number}".encode()
        channel.basic_ack(message.delivery_tag)
    with channel.conn_or_acquire() as client:
        assert client.connection_pool is channel.pool
        assert client.hlen(channel.unacked_key) == 0, "each is acknowledged"


def test_a_client_that_is_given_is_the_one_that_is_used(channel: Any):
    with channel.conn_or_acquire() as kept:
        pipeline = kept.pipeline()
        with channel.conn_or_acquire(pipeline) as used:
            assert used is pipeline
