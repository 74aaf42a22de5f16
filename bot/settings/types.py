"""The values that settings take, and how each is checked. What is wrong is said in a sentence that names the way out."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import time
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from bot.states import Mode

_ALERT_URL = re.compile(r"(?:(?P<least>critical|warning|info)=)?(?P<url>[a-z][a-z0-9]{1,20}://\S+)")
T = TypeVar("T")

#: A value shorter than this is no secret that could be told from an ordinary word, in characters.
SHORTEST_SECRET = 6


OFF = "off"


class MarketHours(StrEnum):
    """Which hours count as open."""

    NYSE = "nyse"
    ALWAYS = "always"  # for the sandbox and tests; live mode refuses it


class LogLevel(StrEnum):
    """The least important lines that are written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """How a log line looks."""

    AUTO = "auto"  # for a person on a terminal, JSON for everything else
    TEXT = "text"
    JSON = "json"


class AlertWebhook(BaseModel):
    """Where alerts go, and what signs them. The address itself may be a secret, as Slack's is."""

    model_config = ConfigDict(frozen=True)

    url: SecretStr
    secret: SecretStr


class AlertAddress(BaseModel):
    """One address of ALERT_URLS, and what it wants to know."""

    model_config = ConfigDict(frozen=True)

    url: SecretStr
    #: The least severe that it is told: ``info``, ``warning`` or ``critical``.
    least: str
    #: Which of the addresses it is, from 1 on.
    place: int

    @property
    def scheme(self) -> str:
        """Names the service."""
        return self.url.get_secret_value().partition("://")[0]

    @property
    def name(self) -> str:
        """Tells it from the others, without its secrets."""
        return f"{self.scheme}-{sha256(self.url.get_secret_value().encode()).hexdigest()[:8]}"


class AlpacaAccess(BaseModel):
    """Where and as whom one mode talks to Alpaca."""

    model_config = ConfigDict(frozen=True)

    mode: Mode
    url: str
    key: str
    secret: SecretStr

    @property
    def sandbox(self) -> bool:
        """Whether this is not Alpaca itself, but something that plays it."""
        return not f".{urlsplit(self.url).hostname}".endswith(".alpaca.markets")


def http_url(value: str) -> str:
    """*value* without a trailing slash.

    Raises:
        ValueError: it is no http or https address.
    """
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


def alpaca_url(value: str) -> str:
    """The address of Alpaca, without the version.

    Raises:
        ValueError: it is no http or https address.
    """
    # Alpaca's own pages show its address with the version, which is part of every path here
    return http_url(value).removesuffix("/v2")


def header(value: SecretStr | str) -> SecretStr | str:
    """*value*, which is sent as a header.

    Raises:
        ValueError: it has a character that no header may have.
    """
    text = value if isinstance(value, str) else value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("has a character that cannot be sent: use the key as Alpaca shows it")
    return value


def webhook_url(value: SecretStr) -> SecretStr:
    """The address that alerts are sent to.

    Raises:
        ValueError: it is no http or https address, or has a user, a password or a fragment.
    """
    url = http_url(value.get_secret_value())
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        raise ValueError(
            "must have neither a user, nor a password, nor a #fragment: the signature says who sends"
        )
    if parts.scheme == "http" and not is_near(parts.hostname or ""):
        raise ValueError("must be an https:// address: http:// is only for receivers on the same network")
    return SecretStr(url)


def webhook_secret(value: SecretStr) -> SecretStr:
    """What signs alerts: any text, or as Standard Webhooks writes it, ``whsec_`` and Base64.

    Raises:
        ValueError: it begins like that and is no Base64.
    """
    text = value.get_secret_value()
    if text.startswith("whsec_"):
        try:
            b64decode(text.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise ValueError("begins with whsec_, but what follows is no Base64") from None
    return value


def origins(value: str) -> str:
    """Origins that pages may have, comma separated, each as a browser sends it.

    Raises:
        ValueError: one of them is none, so that no page would ever match it.
    """
    return ",".join(_origin(each.strip()) for each in value.split(",") if each.strip())


def _origin(value: str) -> str:
    try:
        parts = urlsplit(value.rstrip("/"))
        is_origin = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_origin = False
        parts = urlsplit("")
    if not is_origin or parts.path or parts.query or parts.fragment or "@" in parts.netloc or "*" in value:
        raise ValueError(
            "must be origins such as https://desk.example or http://localhost:3000, comma separated:"
            " http:// or https://, the host, and the port if it has one"
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def logins(value: SecretStr) -> SecretStr:
    """Logins of Flower, comma separated.

    Raises:
        ValueError: one of them is none, so that nobody could log in by it.
    """
    for each in value.get_secret_value().split(","):
        user, colon, password = each.partition(":")
        if not (user.strip() and colon and password):
            raise ValueError("must be user:password, or several of these, comma separated")
    return value


def parse_alert_urls(value: SecretStr) -> tuple[AlertAddress, ...]:
    """The addresses of ALERT_URLS: separated by spaces or line breaks, each with ``critical=`` or ``warning=`` before it where it
    is told less than all.

    Raises:
        ValueError: one of them is none.
    """
    found = []
    for place, entry in enumerate(value.get_secret_value().split(), 1):
        match = _ALERT_URL.fullmatch(entry)
        if match is None:
            raise ValueError(
                f"its {place}. entry is no address such as tgram://…, with critical=, warning= or nothing before it"
            )
        found.append(AlertAddress(url=SecretStr(match["url"]), least=match["least"] or "info", place=place))
    return tuple(found)


def alert_urls(value: SecretStr) -> SecretStr:
    """*value*, if every address of it is one.

    Raises:
        ValueError: one of them is none.
    """
    parse_alert_urls(value)
    return value


def is_near(host: str) -> bool:
    """Whether *host* is this machine, a private address, or a bare name, as containers have."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def postgres_url(value: str | None) -> str | None:
    """The address of Postgres, for psycopg2; None where none is set.

    Raises:
        ValueError: it is no address of a Postgres.
    """
    if value is None:
        return None
    # SQLAlchemy costs 25 MiB, which beat and Flower are spared: they have no address of a database
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(one_form_of_hosts(value))
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


def one_form_of_hosts(value: str) -> str:
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
    """The address of Redis; None where another queue is set.

    Raises:
        ValueError: it is no address of a Redis, or is missing.
    """
    if value is None:
        if info.data.get("queue_url", "") is None:
            raise PydanticCustomError("missing", "is not set")
        return None
    if not value.startswith(("redis://", "rediss://", "sentinel://", "sentinels://")):
        raise ValueError(
            "must be a Redis address (redis://host:6379/0, or sentinel://host:26379,host:26379/0)"
        )
    return queue_address(value)


def queue_url(value: str) -> str:
    """The address of the queue.

    Raises:
        ValueError: it is neither a RabbitMQ's nor a Redis's.
    """
    if not value.startswith(("amqp://", "amqps://", "redis://", "rediss://", "sentinel://", "sentinels://")):
        raise ValueError(
            "must be the address of a RabbitMQ (amqp://user:password@host:5672/vhost) or a Redis"
        )
    return queue_address(value)


def queue_address(value: str) -> str:
    """One form for all that a queue's address may be; several hosts are parted by commas."""
    parts = urlsplit(value)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not all(urlsplit(f"//{host}").hostname for host in hosts):
        raise ValueError("names no host")
    try:
        for host in hosts:
            urlsplit(f"//{host}").port  # noqa: B018 - raises when it is no port
    except ValueError:
        raise ValueError("has a port that is none") from None
    if len(hosts) > 1 and parts.scheme in ("redis", "rediss"):
        raise ValueError("names several hosts: only sentinel:// and amqp:// may")
    return value


def file(value: Path) -> Path:
    """The path of a file that can be read.

    Raises:
        ValueError: it cannot.
    """
    try:
        value.open("rb").close()
    except OSError as error:
        raise ValueError(f"{value} cannot be read ({error.strerror})") from None
    return value


def readable_by(parse: Callable[[T], object]) -> Callable[[T], T]:
    """A check that takes what *parse* can read, and leaves it as it is."""

    def check(value: T) -> T:
        parse(value)
        return value

    return check


def time_of_day(value: str) -> str:
    """A time as in 17:00, or OFF.

    Raises:
        ValueError: it is none.
    """
    try:
        is_time = value == OFF or time.fromisoformat(value).tzinfo is None
    except ValueError:
        is_time = False
    if not is_time:
        raise ValueError("must be a time such as 17:00, or off")
    return value


AlpacaUrl = Annotated[str, AfterValidator(alpaca_url)]
Key = Annotated[str, AfterValidator(header)]
Secret = Annotated[SecretStr, AfterValidator(header)]
Port = Annotated[int, Field(ge=1, le=65535)]
ReadableFile = Annotated[Path, AfterValidator(file)]


def upper(value: Any) -> Any:
    """A text in upper case; anything else as it is."""
    return value.upper() if isinstance(value, str) else value


def lower(value: Any) -> Any:
    """A text in lower case; anything else as it is."""
    return value.lower() if isinstance(value, str) else value
