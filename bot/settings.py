"""Every setting of Pitboss in one object, read from the environment.

While ``script/server`` runs, it leaves what it set up in ``DATA_DIR/server.env``; a variable that the environment does
not have is taken from there, so that ``celery -A worker call`` and ``flask db`` work in another terminal. A secret may
also be in a file, which ``NAME_FILE`` names (see ``bot.secret_files``).
"""

from __future__ import annotations

import os
from collections.abc import Set
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot import secret_files
from bot.errors import SettingsError
from bot.states import Mode

ROOT = Path(__file__).resolve().parent.parent
#: A value shorter than this is no secret that could be told from an ordinary word, in characters.
SHORTEST_SECRET = 6


class Role(StrEnum):
    """What the holder of a token may do."""

    OPERATOR = "operator"  # everything
    VIEWER = "viewer"  # read
    BOT = "bot"  # read, and record trades


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


class ApiToken(BaseModel):
    """One holder of the API: its name is the actor in the command log."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: Role
    token: SecretStr


class AlertWebhook(BaseModel):
    """Where alerts go, and what signs them. The address itself may be a secret, as Slack's is."""

    model_config = ConfigDict(frozen=True)

    url: SecretStr
    secret: SecretStr


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


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


def _alpaca_url(value: str) -> str:
    # Alpaca's own pages show its address with the version, which is part of every path here
    return _http_url(value).removesuffix("/v2")


def _header(value: SecretStr | str) -> SecretStr | str:
    text = value if isinstance(value, str) else value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("has a character that cannot be sent: use the key as Alpaca shows it")
    return value


def _webhook_url(value: SecretStr) -> SecretStr:
    url = _http_url(value.get_secret_value())
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        raise ValueError(
            "must have neither a user, nor a password, nor a #fragment: the signature says who sends"
        )
    if parts.scheme == "http" and not _is_near(parts.hostname or ""):
        raise ValueError("must be an https:// address: http:// is only for receivers on the same network")
    return SecretStr(url)


def _is_near(host: str) -> bool:
    """Whether *host* is this machine, a private address, or a bare name, as containers have."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def _postgres_url(value: str) -> str:
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


def _redis_url(value: str | None, info: ValidationInfo) -> str | None:
    if value is None:
        if info.data.get("queue_url", "") is None:
            raise PydanticCustomError("missing", "is not set")
        return None
    if not value.startswith(("redis://", "rediss://", "sentinel://", "sentinels://")):
        raise ValueError(
            "must be a Redis address (redis://host:6379/0, or sentinel://host:26379,host:26379/0)"
        )
    return _queue_address(value)


def _queue_url(value: str) -> str:
    if not value.startswith(("amqp://", "amqps://", "redis://", "rediss://", "sentinel://", "sentinels://")):
        raise ValueError(
            "must be the address of a RabbitMQ (amqp://user:password@host:5672/vhost) or a Redis"
        )
    return _queue_address(value)


def _queue_address(value: str) -> str:
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


def _file(value: Path) -> Path:
    try:
        value.open("rb").close()
    except OSError as error:
        raise ValueError(f"{value} cannot be read ({error.strerror})") from None
    return value


def _api_tokens(value: SecretStr) -> SecretStr:
    parse_tokens(value)
    return value


AlpacaUrl = Annotated[str, AfterValidator(_alpaca_url)]
Key = Annotated[str, AfterValidator(_header)]
Secret = Annotated[SecretStr, AfterValidator(_header)]
Port = Annotated[int, Field(ge=1, le=65535)]
ReadableFile = Annotated[Path, AfterValidator(_file)]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """The settings, one attribute for each environment variable (in upper case)."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        hide_input_in_errors=True,
    )

    database_url: Annotated[str, AfterValidator(_postgres_url)]
    #: Takes the messages in place of Redis: a RabbitMQ, or another Redis; see bot.queue.
    queue_url: Annotated[str, AfterValidator(_queue_url)] | None = None
    #: Needed unless QUEUE_URL is set.
    redis_url: Annotated[str | None, AfterValidator(_redis_url)] = Field(default=None, validate_default=True)
    #: Of the Sentinels themselves; the one in REDIS_URL is that of the Redis they watch.
    redis_sentinel_password: SecretStr | None = None
    #: Files for TLS to the queue (rediss://, sentinels://, amqps://): who signed its certificate, and our own.
    queue_tls_ca: ReadableFile | None = None
    queue_tls_cert: ReadableFile | None = None
    queue_tls_key: ReadableFile | None = None
    #: A file that the worker and beat touch as long as they live, for health checks.
    alive_file: Path | None = None
    data_dir: Path = ROOT / ".data"
    host: str = "127.0.0.1"
    port: Port = 8000
    flower_port: Port = 5555
    #: How many proxies stand in front of web, one behind the other, and say who called in X-Forwarded-*.
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = 0
    #: ``name:role:token``, comma separated; needed by ``web`` only.
    api_tokens: Annotated[SecretStr, AfterValidator(_api_tokens)] | None = None
    #: Origins, comma separated, that a frontend of another address may call the API from.
    cors_origins: str = ""
    #: Signs the panel's sessions; ``web`` makes one and keeps it in DATA_DIR when it is not set.
    secret_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    market_hours: MarketHours = MarketHours.NYSE

    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = LogLevel.INFO
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = LogFormat.AUTO

    #: Where alerts are sent; see bot.courier.
    alert_webhook_url: Annotated[SecretStr, AfterValidator(_webhook_url)] | None = None
    alert_webhook_secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    #: Minutes for which a running bot's gate may be closed in market hours before it is told.
    alert_gate_closed_min: Annotated[int, Field(ge=1, le=1440)] = 5

    alpaca_paper_url: AlpacaUrl = "https://paper-api.alpaca.markets"
    alpaca_paper_api_key: Key | None = None
    alpaca_paper_api_secret: Secret | None = None
    alpaca_live_url: AlpacaUrl = "https://api.alpaca.markets"
    alpaca_live_api_key: Key | None = None
    alpaca_live_api_secret: Secret | None = None

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        for mode in Mode:
            key, secret = (f"alpaca_{mode}_api_{part}" for part in ("key", "secret"))
            if (getattr(self, key) is None) is not (getattr(self, secret) is None):
                there, missing = (key, secret) if getattr(self, key) is not None else (secret, key)
                raise ValueError(f"{there.upper()} is set without {missing.upper()}: set both or neither")
        return self

    @model_validator(mode="after")
    def _alerts_are_signed(self) -> Self:
        if (self.alert_webhook_url is None) is not (self.alert_webhook_secret is None):
            there, missing = "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET"
            if self.alert_webhook_url is None:
                there, missing = missing, there
            raise ValueError(f"{there} is set without {missing}: set both or neither")
        return self

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.queue_tls_cert is None) is not (self.queue_tls_key is None):
            raise ValueError("QUEUE_TLS_CERT and QUEUE_TLS_KEY belong together: set both or neither")
        return self

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """The settings of this process.

        Raises:
            SettingsError: one sentence for each variable that is missing or wrong.
        """
        data_dir = Path(overrides.get("data_dir") or os.environ.get("DATA_DIR") or ROOT / ".data")
        files = {name.lower(): value for name, value in secret_files.read(os.environ).items()}
        try:
            return cls(_env_file=data_dir / "server.env", **{**files, **overrides})
        except ValidationError as error:
            from_files = files.keys() - overrides.keys()
            raise SettingsError(
                " ".join(_sentence(problem, from_files) for problem in error.errors())
            ) from None

    @cached_property
    def tokens(self) -> tuple[ApiToken, ...]:
        """Who may use the API."""
        return parse_tokens(self.api_tokens) if self.api_tokens else ()

    @property
    def alert_webhook(self) -> AlertWebhook | None:
        """Where alerts go; None when they are not sent."""
        if self.alert_webhook_url is None or self.alert_webhook_secret is None:
            return None
        return AlertWebhook(url=self.alert_webhook_url, secret=self.alert_webhook_secret)

    @property
    def secrets(self) -> frozenset[str]:
        """Every value that must not be shown, in a log line for example."""
        values = [getattr(self, name) for name in type(self).model_fields]
        found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
        found |= {entry.token.get_secret_value() for entry in self.tokens}
        if self.alert_webhook_url is not None:
            found.add(urlsplit(self.alert_webhook_url.get_secret_value()).path)
        for url in filter(None, (self.database_url, self.redis_url, self.queue_url)):
            password = urlsplit(url).password
            found |= {password, unquote(password)} if password else set()
        return frozenset(value for value in found if len(value) >= SHORTEST_SECRET)

    @property
    def allowed_origins(self) -> list[str]:
        return [origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip()]

    @property
    def database(self) -> URL:
        return make_url(self.database_url)

    def alpaca(self, mode: Mode) -> AlpacaAccess | None:
        """Address and keys of one mode; None when the mode has no keys."""
        key: str | None = getattr(self, f"alpaca_{mode}_api_key")
        secret: SecretStr | None = getattr(self, f"alpaca_{mode}_api_secret")
        if key is None or secret is None:
            return None
        return AlpacaAccess(mode=mode, url=getattr(self, f"alpaca_{mode}_url"), key=key, secret=secret)


def parse_tokens(value: SecretStr) -> tuple[ApiToken, ...]:
    """``name:role:token`` entries, comma separated.

    Raises:
        ValueError: an entry that is malformed, a role that does not exist, a token that is short or given twice.
    """
    tokens: list[ApiToken] = []
    for number, entry in enumerate(value.get_secret_value().split(","), start=1):
        name, role, token = ([part.strip() for part in entry.split(":", 2)] + ["", ""])[:3]
        if not (name and role and token):
            raise ValueError(f"entry {number} must be name:role:token")
        # parts that were mixed up are not shown: any of them may be the token
        if role not in list(Role):
            raise ValueError(f"entry {number} has no known role; use operator, viewer or bot")
        if len(token) < 16:
            raise ValueError(f"entry {number} has a token of under 16 characters; use a longer one")
        if any(token == other.token.get_secret_value() for other in tokens):
            raise ValueError(f"entry {number} repeats the token of another entry")
        tokens.append(ApiToken(name=name, role=Role(role), token=SecretStr(token)))
    return tuple(tokens)


def _sentence(problem: Any, from_files: Set[str] = frozenset()) -> str:
    """One sentence that names the variable. The value itself is left out: it may be a secret."""
    variable = "_".join(str(part) for part in problem["loc"]).upper()
    if variable.lower() in from_files:
        variable += secret_files.SUFFIX
    if problem["type"] == "missing":
        return f"{variable} is not set: set it in the environment, or use script/server, which sets it up."
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{variable} is wrong: {reason}." if variable else f"{reason}."
