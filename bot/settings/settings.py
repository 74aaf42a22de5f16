"""Every setting of Pitboss in one object, read from the environment.

While ``script/server`` runs, it leaves what it set up in ``DATA_DIR/server.env``; a variable that the environment does
not have is taken from there, so that ``celery -A worker call`` and ``flask db`` work in another terminal. A secret may
also be in a file, which ``NAME_FILE`` names (see ``bot.settings.secret_files``).
"""

from __future__ import annotations

import os
from collections.abc import Set
from datetime import time, timedelta
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
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import CredentialsMissing, SettingsError
from bot.market_hours import Closures
from bot.settings import secret_files, types
from bot.settings.approvals import Approvals, parse_approvals
from bot.settings.closures import check_closures, parse_closures
from bot.settings.single_sign_on import parse_networks, parse_users
from bot.settings.tokens import ApiToken, parse_tokens
from bot.settings.types import (
    SHORTEST_SECRET,
    AlertAddress,
    AlertWebhook,
    AlpacaAccess,
    AlpacaUrl,
    Key,
    LogFormat,
    LogLevel,
    MarketHours,
    Port,
    ReadableFile,
    Secret,
)
from bot.states import Mode
from bot.validation import reason_of

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_NO_DATABASE = "DATABASE_URL is not set: set it in the environment, or use script/server, which sets it up."

#: Set for a process that is not to read the file in which script/server keeps its settings for other terminals.
NO_SERVER_ENV = "PITBOSS_NO_SERVER_ENV"

ROOT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """The settings, one attribute for each environment variable (in upper case)."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        hide_input_in_errors=True,
    )

    #: Needed by web and the workers; beat and Flower have none.
    database_url: Annotated[str | None, AfterValidator(types.postgres_url)] = None
    #: Who owns the tables, and a role for people who only look: the migration makes the roles of the other two addresses.
    database_owner_url: Annotated[str | None, AfterValidator(types.postgres_url)] = None
    database_read_url: Annotated[str | None, AfterValidator(types.postgres_url)] = None
    #: Takes the messages in place of Redis: a RabbitMQ, or another Redis; see bot.settings.queue.
    queue_url: Annotated[str, AfterValidator(types.queue_url)] | None = None
    #: Needed unless QUEUE_URL is set.
    redis_url: Annotated[str | None, AfterValidator(types.redis_url)] = Field(
        default=None, validate_default=True
    )
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
    api_tokens: Annotated[SecretStr, AfterValidator(types.readable_by(parse_tokens))] | None = None
    #: Origins, comma separated, that a frontend of another address may call the API from.
    cors_origins: Annotated[str, AfterValidator(types.origins)] = ""
    #: Flower's logins, ``user:password``, comma separated. Flower reads them itself; here a wrong one stops the start.
    flower_basic_auth: Annotated[SecretStr, AfterValidator(types.logins)] | None = None
    #: Signs the panel's sessions; ``web`` makes one and keeps it in DATA_DIR when it is not set.
    secret_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    #: Which commands wait for a second person; see bot.settings.approvals.
    approvals: Annotated[str, AfterValidator(types.readable_by(parse_approvals))] = ""
    #: Where people find the panel: alerts that ask for something link to it.
    public_url: Annotated[str, AfterValidator(types.http_url)] | None = None
    #: A proxy that has recognised somebody says who in this header; see web.auth.single_sign_on.
    sso_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    sso_users: Annotated[str, AfterValidator(types.readable_by(parse_users))] = ""
    sso_proxies: Annotated[str, AfterValidator(types.readable_by(parse_networks))] = ""
    #: Minutes after which a session of the panel ends that nobody uses; an open page uses it.
    session_idle_min: Annotated[int, Field(ge=5, le=1440)] = 120
    market_hours: MarketHours = MarketHours.NYSE
    #: Closed days and early closes that the calendar does not know yet: ``2027-01-08,2027-03-05 13:00``.
    market_closures: Annotated[str, AfterValidator(check_closures)] = ""
    #: Seconds between reconciliations while the bot is running or paused.
    reconcile_every_sec: Annotated[int, Field(ge=5, le=300)] = 60
    #: Of Alpaca's 200 requests a minute for an account reconciliation takes at most so many: the executor's exits come
    #: first.
    reconcile_requests_per_min: Annotated[int, Field(ge=10, le=100_000)] = 60

    #: A flatten is issued so many minutes before each day's close; never, unless it is set.
    force_close_before_close_min: Annotated[int, Field(ge=1, le=180)] | None = None
    #: Whether the broker rejects new orders from a kill on, and after its flatten, until rearm.
    kill_suspends_trading: bool = False

    log_level: Annotated[LogLevel, BeforeValidator(types.upper)] = LogLevel.INFO
    log_format: Annotated[LogFormat, BeforeValidator(types.lower)] = LogFormat.AUTO

    #: Where alerts are sent; see bot.alerts.delivery.
    alert_webhook_url: Annotated[SecretStr, AfterValidator(types.webhook_url)] | None = None
    alert_webhook_secret: (
        Annotated[SecretStr, Field(min_length=16), AfterValidator(types.webhook_secret)] | None
    ) = None
    #: Whom they are sent to as well, in the form of Apprise; see bot.alerts.destinations.
    alert_urls: Annotated[SecretStr, AfterValidator(types.alert_urls)] | None = None
    #: Whether entries and exits are told, too.
    alert_trades: bool = False
    #: Minutes for which a running bot's gate may be closed in market hours before it is told.
    alert_gate_closed_min: Annotated[int, Field(ge=1, le=1440)] = 5
    #: When the head of the log is told each day, in New York; "off" for never.
    alert_daily_at: Annotated[str, AfterValidator(types.time_of_day)] = "17:00"

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
        """The same for a process that does without: beat and Flower have no address of it.

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
        """Who may use the API."""
        return parse_tokens(self.api_tokens) if self.api_tokens else ()

    @cached_property
    def needs_approval(self) -> Approvals:
        """Which commands wait for a second person."""
        return parse_approvals(self.approvals)

    @property
    def daily_at(self) -> time | None:
        """When the head of the log is told; None for never."""
        return None if self.alert_daily_at == types.OFF else time.fromisoformat(self.alert_daily_at)

    @property
    def session_idle(self) -> timedelta:
        """After which a session of the panel ends that nobody uses."""
        return timedelta(minutes=self.session_idle_min)

    @cached_property
    def closures(self) -> Closures:
        """When the exchange closes otherwise than its calendar says."""
        return parse_closures(self.market_closures)

    @property
    def alert_webhook(self) -> AlertWebhook | None:
        """Where alerts go; None when they are not sent."""
        if self.alert_webhook_url is None or self.alert_webhook_secret is None:
            return None
        return AlertWebhook(url=self.alert_webhook_url, secret=self.alert_webhook_secret)

    @cached_property
    def alert_addresses(self) -> tuple[AlertAddress, ...]:
        """Whom alerts are sent to beside the webhook."""
        return types.parse_alert_urls(self.alert_urls) if self.alert_urls else ()

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
        """The address of Postgres for who changes its tables."""
        return _as_url(self.database_owner_url) if self.database_owner_url else self.database

    def alpaca(self, mode: Mode) -> AlpacaAccess | None:
        """Address and keys of one mode; None when the mode has no keys."""
        key: str | None = getattr(self, f"alpaca_{mode}_api_key")
        secret: SecretStr | None = getattr(self, f"alpaca_{mode}_api_secret")
        if key is None or secret is None:
            return None
        return AlpacaAccess(mode=mode, url=getattr(self, f"alpaca_{mode}_url"), key=key, secret=secret)

    def require_alpaca(self, mode: Mode) -> AlpacaAccess:
        """Address and keys of one mode.

        Raises:
            CredentialsMissing: naming the settings that hold them.
        """
        access = self.alpaca(mode)
        if access is None:
            raise CredentialsMissing(
                f"The {mode} account has no keys: set ALPACA_{mode.upper()}_API_KEY and _SECRET, then restart."
            )
        return access


def _as_url(address: str) -> URL:
    # not at the top: see bot.settings.types.postgres_url
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
