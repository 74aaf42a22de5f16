"""Where Celery's messages go: one Redis, a Redis behind Sentinels, or RabbitMQ. Plain data, from the settings.

``REDIS_URL`` names a Redis, or Sentinels that know where it is; ``QUEUE_URL``, when it is set, another queue instead.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bot.settings.settings import Settings

#: How long a publisher waits for a connection, and for an answer, in seconds. It must notice a queue that hangs.
CONNECT_SEC = 1
ANSWER_SEC = 2
#: Header of a message that only announces a command, like a doorbell: its row is in the log already. Its name is on the wire:
#: a release that changed it would take the messages of the one before for manual commands.
ANNOUNCEMENT = "pitboss_doorbell"
#: Headers of a manual command's message: when it was sent, in epoch seconds of the sender's clock, and when it was due, if it
#: was sent again after that.
SENT_AT, DUE_AT = "pitboss_sent_at", "pitboss_due_at"
#: The queue of the commands that make the bot safer, which a worker reads before DEFAULT_QUEUE.
HALTS_QUEUE, DEFAULT_QUEUE = "halts", "celery"


class Kind(StrEnum):
    """Which program holds the queue."""

    REDIS = "redis"
    SENTINEL = "sentinel"
    RABBITMQ = "rabbitmq"


@dataclass(frozen=True)
class Address:
    """One queue, in the form that Celery takes."""

    kind: Kind
    url: str
    #: Options of this kind's transport.
    options: dict[str, Any]
    #: Celery's ``broker_use_ssl``; None without TLS.
    tls: dict[str, Any] | None


def messages(settings: Settings) -> Address:
    """Where messages go."""
    return _address(settings.queue_url or settings.redis_url or "", settings)


def results(settings: Settings) -> Address | None:
    """Where the outcomes of manual commands are kept; None without a Redis: then only the sender gets them."""
    url = settings.redis_url
    if url is None and settings.queue_url is not None and kind_of(settings.queue_url) is not Kind.RABBITMQ:
        url = settings.queue_url
    return None if url is None else _address(url, settings)


def publisher_options(kind: Kind) -> dict[str, Any]:
    """Further options for a process that only publishes: it may time out, unlike a worker that waits for messages."""
    if kind is Kind.RABBITMQ:
        return {
            "connect_timeout": CONNECT_SEC,
            "read_timeout": ANSWER_SEC,
            "write_timeout": ANSWER_SEC,
            # kombu's default is to try to connect for ever
            "max_retries": 1,
            "interval_start": 0,
            "interval_max": 0.1,
        }
    return {"socket_connect_timeout": CONNECT_SEC, "socket_timeout": ANSWER_SEC}


def kind_of(url: str) -> Kind:
    """Which kind of queue the address *url* names."""
    scheme = urlsplit(url).scheme
    if scheme in ("sentinel", "sentinels"):
        return Kind.SENTINEL
    return Kind.RABBITMQ if scheme in ("amqp", "amqps") else Kind.REDIS


def _address(url: str, settings: Settings) -> Address:
    kind = kind_of(url)
    tls = _tls(settings) if urlsplit(url).scheme in ("rediss", "sentinels", "amqps") else None
    if kind is Kind.RABBITMQ:
        # Celery's own form: whole addresses, between semicolons
        return Address(kind, ";".join(_hosts(url)), {"confirm_publish": True}, _for_amqp(tls))
    # A message of a worker killed with -9 stays invisible this long (Celery's default is an hour). The sweep has
    # usually applied its command by then.
    options: dict[str, Any] = {
        "visibility_timeout": 60,
        "socket_keepalive": True,
        "health_check_interval": 10,
        # Redis is asked for the queues in their order, each time: by default they would take turns.
        "queue_order_strategy": "priority",
    }
    if kind is Kind.REDIS:
        return Address(kind, url.replace("rediss://", "redis://", 1) if tls else url, options, tls)
    options |= {
        "master_name": dict(parse_qsl(urlsplit(url).query)).get("master", "mymaster"),
        "sentinel_kwargs": _sentinel_options(settings, tls),
    }
    return Address(kind, ";".join(_hosts(url)), options, tls)


def _hosts(url: str) -> list[str]:
    """One complete address for each of the comma-separated hosts."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    scheme = {"sentinels": "sentinel", "amqps": "amqp"}.get(parts.scheme, parts.scheme)
    port = {"sentinel": 26379, "sentinels": 26379, "amqp": 5672, "amqps": 5671}[parts.scheme]
    return [
        f"{scheme}://{login}{at}{host if _has_port(host) else f'{host}:{port}'}{parts.path}"
        for host in hosts.split(",")
    ]


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _sentinel_options(settings: Settings, tls: dict[str, Any] | None) -> dict[str, Any]:
    # several are asked, one after the other
    options: dict[str, Any] = {"socket_connect_timeout": CONNECT_SEC, "socket_timeout": CONNECT_SEC}
    if settings.redis_sentinel_password is not None:
        options["password"] = settings.redis_sentinel_password.get_secret_value()
    if tls is not None:
        options |= {"ssl": True, **tls}
    return options


def _tls(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    if settings.queue_tls_ca is not None:
        options["ssl_ca_certs"] = str(settings.queue_tls_ca)
    if settings.queue_tls_cert is not None and settings.queue_tls_key is not None:
        options |= {"ssl_certfile": str(settings.queue_tls_cert), "ssl_keyfile": str(settings.queue_tls_key)}
    return options


def _for_amqp(tls: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same in py-amqp's words; ``server_hostname`` None stands for the host of the address."""
    if tls is None:
        return None
    renamed = {
        name.removeprefix("ssl_"): value for name, value in tls.items() if name != "ssl_check_hostname"
    }
    return {**renamed, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
