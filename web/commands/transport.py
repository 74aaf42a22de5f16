"""Redis's queue as web writes to it: with one client for a channel."""

from __future__ import annotations

from kombu.transport import redis

from bot.runtime.one_client import OneClient
from bot.settings.queue import Kind


class Channel(OneClient, redis.Channel):
    pass


class SentinelChannel(OneClient, redis.SentinelChannel):
    pass


class Transport(redis.Transport):
    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel


#: What a connection to a queue of each kind uses in place of kombu's own. A connection that goes on to the next Sentinel by itself
#: is kombu's own again, as long as it lasts.
TRANSPORTS = {Kind.REDIS: Transport, Kind.SENTINEL: SentinelTransport}
