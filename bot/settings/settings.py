"""Every setting of Pitboss in one object, read from the environment.

While ``script/server`` runs, it leaves what it set up in ``DATA_DIR/server.env``; a variable that the environment does
not have is taken from there, so that ``celery -A worker call`` and ``flask db`` work in another terminal. A secret may
also be in a file, which ``NAME_FILE`` names (see ``bot.settings.secret_files``).
"""

from __future__ import annotations

import os
from collections.abc import Set
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from bot.errors import SettingsError
from bot.market_hours import Closures
from bot.settings import addresses, secret_files, types
from bot.settings.alert_settings import AlertSettings
from bot.settings.alpaca_settings import AlpacaSettings
from bot.settings.approvals import Approvals, parse_approvals
from bot.settings.closures import parse_closures
from bot.settings.server_env import NO_SERVER_ENV
from bot.settings.single_sign_on import parse_networks, parse_users
from bot.settings.tokens import ApiToken, parse_tokens
from bot.settings.types import SHORTEST_SECRET, LogFormat, LogLevel, MarketHours, Port, ReadableFile
from bot.validation import reason_of

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_NO_DATABASE = "DATABASE_URL is not set: set it in the environment, or use script/server, which sets it up."

ROOT = Path(__file__).resolve().parents[2]


class Settings(AlpacaSettings, AlertSettings):
    """The settings, one attribute for each environment variable (in upper case)."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        hide_input_in_errors=True,
    )

    #: Needed by web and the workers; beat and Flower have none.
    database_url: Annotated[str | None, AfterValidator(addresses.postgres_url)] = None
    #: The role that owns the tables, and one that only reads: the migration creates the roles of the other two addresses.
    database_owner_url: Annotated[str | None, AfterValidator(addresses.postgres_url)] = None
    database_read_url: Annotated[str | None, AfterValidator(addresses.postgres_url)] = None
    #: Takes the messages in place of Redis: a RabbitMQ, or another Redis; see bot.settings.queue.
    queue_url: Annotated[str, AfterValidator(addresses.queue_url)] | None = None
    #: Needed unless QUEUE_URL is set.
    redis_url: Annotated[str | None, AfterValidator(addresses.redis_url)] = Field(
        default=None, validate_default=True
    )
    #: The password of the Sentinels themselves; the one in REDIS_URL is that of the Redis that they watch.
    redis_sentinel_password: SecretStr | None = None
    #: Files for TLS to the queue (rediss://, sentinels://, amqps://): who signed its certificate, and our own.
    queue_tls_ca: ReadableFile | None = None
    queue_tls_cert: ReadableFile | None = None
    queue_tls_key: ReadableFile | None = None
    #: A file that the worker and beat touch while they are alive, for health checks.
    alive_file: Path | None = None
    data_dir: Path = ROOT / ".data"
    host: str = "127.0.0.1"
    port: Port = 8000
    flower_port: Port = 5555
    #: How many proxies are in front of web, one behind the other, that name the caller in X-Forwarded-*.
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = 0
    #: ``name:role:token``, comma separated; needed by ``web`` only.
    api_tokens: Annotated[SecretStr, AfterValidator(types.readable_by(parse_tokens))] | None = None
    #: Comma-separated origins from which a frontend at another address may call the API.
    cors_origins: Annotated[str, AfterValidator(addresses.origins)] = ""
    #: Flower's logins, ``user:password``, comma separated. Flower reads them itself; here a wrong one stops the start.
    flower_basic_auth: Annotated[SecretStr, AfterValidator(types.logins)] | None = None
    #: Signs the panel's sessions; if it is not set, ``web`` makes one and keeps it in DATA_DIR.
    secret_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    #: Which commands wait for a second person; see bot.settings.approvals.
    approvals: Annotated[str, AfterValidator(types.readable_by(parse_approvals))] = ""
    #: The address at which people open the panel: alerts that ask for something link to it.
    public_url: Annotated[str, AfterValidator(addresses.http_url)] | None = None
    #: The header in which a proxy names the person it has authenticated; see web.auth.single_sign_on.
    sso_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    sso_users: Annotated[str, AfterValidator(types.readable_by(parse_users))] = ""
    sso_proxies: Annotated[str, AfterValidator(types.readable_by(parse_networks))] = ""
    #: Minutes after which an unused session of the panel ends; an open page counts as use.
    session_idle_min: Annotated[int, Field(ge=5, le=1440)] = 120
    market_hours: MarketHours = MarketHours.NYSE
    #: Closed days and early closes that the calendar does not know yet: ``2027-01-08,2027-03-05 13:00``.
    market_closures: Annotated[str, AfterValidator(types.readable_by(parse_closures))] = ""
    #: Seconds between reconciliations while the bot is running or paused.
    reconcile_every_sec: Annotated[int, Field(ge=5, le=300)] = 60
    #: How many of Alpaca's 200 requests per minute and account reconciliation may use: the executor's exits come first.
    reconcile_requests_per_min: Annotated[int, Field(ge=10, le=100_000)] = 60

    #: Minutes before each day's close at which a flatten is issued; never, unless it is set.
    force_close_before_close_min: Annotated[int, Field(ge=1, le=180)] | None = None
    #: Whether the broker is told to reject new orders from a kill, and after its flatten, until rearm.
    kill_suspends_trading: bool = False

    log_level: Annotated[LogLevel, BeforeValidator(types.upper)] = LogLevel.INFO
    log_format: Annotated[LogFormat, BeforeValidator(types.lower)] = LogFormat.AUTO

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.queue_tls_cert is None) is not (self.queue_tls_key is None):
            raise ValueError("QUEUE_TLS_CERT and QUEUE_TLS_KEY belong together: set both or neither")
        return self

    @model_validator(mode="after")
    def _single_sign_on_is_complete(self) -> Self:
        given = {
            "SSO_HEADER": self.sso_header is not None,
            "SSO_USERS": bool(self.sso_users),
            "SSO_PROXIES": bool(self.sso_proxies),
        }
        if len(set(given.values())) > 1:
            missing = " and ".join(name for name, is_set in given.items() if not is_set)
            raise ValueError(f"single sign-on needs {missing} as well: set all three, or none")
        return self

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """The settings of this process, which uses the database.

        Raises:
            SettingsError: one sentence for each variable that is missing or wrong.
        """
        settings = cls.load_without_database(**overrides)
        if settings.database_url is None:
            raise SettingsError(_NO_DATABASE)
        return settings

    @classmethod
    def load_without_database(cls, **overrides: Any) -> Settings:
        """The same for a process without a database: beat and Flower do not have its address.

        Raises:
            SettingsError: one sentence for each variable that is missing or wrong.
        """
        data_dir = Path(overrides.get("data_dir") or os.environ.get("DATA_DIR") or ROOT / ".data")
        files = {name.lower(): value for name, value in secret_files.read(os.environ).items()}
        # what script/server starts is given what it needs, and no more
        env_file = None if os.environ.get(NO_SERVER_ENV) else data_dir / "server.env"
        try:
            return cls(_env_file=env_file, **{**files, **overrides})
        except ValidationError as error:
            from_files = files.keys() - overrides.keys()
            raise SettingsError(
                " ".join(_sentence(problem, from_files) for problem in error.errors())
            ) from None

    @cached_property
    def tokens(self) -> tuple[ApiToken, ...]:
        """The tokens that may use the API."""
        return parse_tokens(self.api_tokens) if self.api_tokens else ()

    @cached_property
    def needs_approval(self) -> Approvals:
        """Which commands wait for a second person."""
        return parse_approvals(self.approvals)

    @property
    def session_idle(self) -> timedelta:
        """The time after which an unused session of the panel ends."""
        return timedelta(minutes=self.session_idle_min)

    @cached_property
    def closures(self) -> Closures:
        """When the exchange closes at other times than its calendar says."""
        return parse_closures(self.market_closures)

    @property
    def secrets(self) -> frozenset[str]:
        """Every value that must not be shown, in a log line for example."""
        values = [getattr(self, name) for name in type(self).model_fields]
        found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
        found |= {entry.token.get_secret_value() for entry in self.tokens}
        if self.alert_webhook_url is not None:
            found.add(urlsplit(self.alert_webhook_url.get_secret_value()).path)
        found |= {address.url.get_secret_value() for address in self.alert_addresses}
        urls = (
            self.database_url,
            self.database_owner_url,
            self.database_read_url,
            self.redis_url,
            self.queue_url,
        )
        for url in filter(None, urls):
            password = urlsplit(url).password
            found |= {password, unquote(password)} if password else set()
        return frozenset(value for value in found if len(value) >= SHORTEST_SECRET)

    @property
    def allowed_origins(self) -> list[str]:
        """The origins that CORS_ORIGINS names, without a trailing slash."""
        return [origin for origin in self.cors_origins.split(",") if origin]

    @property
    def database(self) -> URL:
        """The address of Postgres.

        Raises:
            SettingsError: it is not set.
        """
        if self.database_url is None:
            raise SettingsError(_NO_DATABASE)
        return _as_url(self.database_url)

    @property
    def owner_database(self) -> URL:
        """The address of Postgres for the role that changes its tables."""
        return _as_url(self.database_owner_url) if self.database_owner_url else self.database


def _as_url(address: str) -> URL:
    # not at the top: see bot.settings.addresses.postgres_url
    from sqlalchemy.engine import make_url

    return make_url(address)


def _sentence(problem: Any, from_files: Set[str] = frozenset()) -> str:
    """One sentence that names the variable. The value itself is left out: it may be a secret."""
    variable = "_".join(str(part) for part in problem["loc"]).upper()
    if variable.lower() in from_files:
        variable += secret_files.SUFFIX
    if problem["type"] == "missing":
        return f"{variable} is not set: set it in the environment, or use script/server, which sets it up."
    reason = reason_of(problem["msg"])
    return f"{variable} is wrong: {reason}." if variable else f"{reason}."
