"""The addresses in settings: of web pages, of Postgres and of the queue. Each is checked and normalized."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError


def http_url(value: str) -> str:
    """*value* without a trailing slash.

    Raises:
        ValueError: it is not an http or https address.
    """
    if _parse_http(value) is None:
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


def _parse_http(value: str) -> SplitResult | None:
    """The parts of an http or https address; None if *value* is not one."""
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_address else None


def is_near(host: str) -> bool:
    """Whether *host* is this machine, a private address, or a bare name, as containers have."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def origins(value: str) -> str:
    """Comma-separated origins of pages, each as a browser sends it.

    Raises:
        ValueError: one of them is not an origin, so no page would ever match it.
    """
    return ",".join(_origin(each.strip()) for each in value.split(",") if each.strip())


def _origin(value: str) -> str:
    parts = _parse_http(value.rstrip("/"))
    if parts is None or parts.path or parts.query or parts.fragment or "@" in parts.netloc or "*" in value:
        raise ValueError(
            "must be origins such as https://desk.example or http://localhost:3000, comma separated:"
            " http:// or https://, the host, and the port if it has one"
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def postgres_url(value: str | None) -> str | None:
    """The address of Postgres, for psycopg2; None if it is not set.

    Raises:
        ValueError: it is not the address of a Postgres database.
    """
    if value is None:
        return None
    # SQLAlchemy costs 25 MiB, which beat and Flower are spared: they have no address of a database
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(_one_form_of_hosts(value))
    except (ArgumentError, ValueError):
        raise ValueError("must look like postgresql://user:password@host:5432/database") from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError(f"must be a PostgreSQL address (postgresql://…), not {url.drivername}://")
    if not url.database:
        raise ValueError("names no database: add it at the end, as in postgresql://host/pitboss")
    if "," in str(url.query.get("host", "")) and "target_session_attrs" not in url.query:
        # of several servers, only the one that takes writes will do
        url = url.update_query_dict({"target_session_attrs": "read-write"})
    # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3
    return url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _one_form_of_hosts(value: str) -> str:
    """Several hosts (``//user@one:5432,two:5432/database``) in the one form that libpq and SQLAlchemy both read."""
    parts = urlsplit(value)
    login, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return value
    split = [host.partition(":") for host in hosts.split(",")]
    if not all(host and (port or "5432").isdigit() for host, _, port in split):
        raise ValueError("a host or a port is not one")
    query = [*parse_qsl(parts.query), ("host", ",".join(host for host, _, _ in split))]
    query.append(("port", ",".join(port or "5432" for _, _, port in split)))
    return f"{parts.scheme}://{login}{at}{parts.path}?{urlencode(query, safe=',')}"


def redis_url(value: str | None, info: ValidationInfo) -> str | None:
    """The address of Redis; None if another queue is set.

    Raises:
        ValueError: it is not the address of a Redis, or it is missing.
    """
    if value is None:
        if info.data.get("queue_url", "") is None:
            raise PydanticCustomError("missing", "is not set")
        return None
    if not value.startswith(("redis://", "rediss://", "sentinel://", "sentinels://")):
        raise ValueError(
            "must be a Redis address (redis://host:6379/0, or sentinel://host:26379,host:26379/0)"
        )
    return _queue_address(value)


def queue_url(value: str) -> str:
    """The address of the queue.

    Raises:
        ValueError: it is the address of neither a RabbitMQ nor a Redis.
    """
    if not value.startswith(("amqp://", "amqps://", "redis://", "rediss://", "sentinel://", "sentinels://")):
        raise ValueError(
            "must be the address of a RabbitMQ (amqp://user:password@host:5672/vhost) or a Redis"
        )
    return _queue_address(value)


def _queue_address(value: str) -> str:
    """The address of a queue, checked; several hosts are separated by commas."""
    parts = urlsplit(value)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not all(urlsplit(f"//{host}").hostname for host in hosts):
        raise ValueError("names no host")
    try:
        for host in hosts:
            urlsplit(f"//{host}").port  # noqa: B018 - raises when it is not a port
    except ValueError:
        raise ValueError("has a port that is not a number from 1 to 65535") from None
    if len(hosts) > 1 and parts.scheme in ("redis", "rediss"):
        raise ValueError("names several hosts: only sentinel:// and amqp:// may")
    return value
