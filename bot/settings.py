"""Every setting of Pitboss in one object, read from the environment.

While ``script/server`` runs, it leaves what it set up in ``DATA_DIR/server.env``; a variable that the environment does
not have is taken from there, so that ``celery -A worker call`` and ``flask db`` work in another terminal.
"""

from __future__ import annotations

import os
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import SettingsError
from bot.states import Mode

ROOT = Path(__file__).resolve().parent.parent


class Role(StrEnum):
    """What the holder of a token may do."""

    OPERATOR = "operator"  # everything
    VIEWER = "viewer"  # read
    BOT = "bot"  # read, and record trades


class MarketHours(StrEnum):
    """Which hours count as open."""

    NYSE = "nyse"
    ALWAYS = "always"  # for the sandbox and tests; live mode refuses it


class ApiToken(BaseModel):
    """One holder of the API: its name is the actor in the command log."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: Role
    token: SecretStr


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
        return not (urlsplit(self.url).hostname or "").endswith("alpaca.markets")


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


def _postgres_url(value: str) -> str:
    try:
        url = make_url(value)
    except ArgumentError:
        raise ValueError("must look like postgresql://user:password@host:5432/database") from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError(f"must be a PostgreSQL address (postgresql://…), not {url.drivername}://")
    if not url.database:
        raise ValueError("names no database: add it at the end, as in postgresql://host/pitboss")
    # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3
    return url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "redis+socket://", "unix://", "sentinel://")):
        raise ValueError("must be a Redis address (redis://host:6379/0)")
    return value


def _api_tokens(value: SecretStr) -> SecretStr:
    parse_tokens(value)
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Port = Annotated[int, Field(ge=1, le=65535)]


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
    redis_url: Annotated[str, AfterValidator(_redis_url)]
    data_dir: Path = ROOT / ".data"
    host: str = "127.0.0.1"
    port: Port = 8000
    flower_port: Port = 5555
    #: ``name:role:token``, comma separated; needed by ``web`` only.
    api_tokens: Annotated[SecretStr, AfterValidator(_api_tokens)] | None = None
    #: Origins, comma separated, that a frontend of another address may call the API from.
    cors_origins: str = ""
    #: Signs the panel's sessions; ``web`` makes one and keeps it in DATA_DIR when it is not set.
    secret_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    market_hours: MarketHours = MarketHours.NYSE

    alpaca_paper_url: HttpUrl = "https://paper-api.alpaca.markets"
    alpaca_paper_api_key: str | None = None
    alpaca_paper_api_secret: SecretStr | None = None
    alpaca_live_url: HttpUrl = "https://api.alpaca.markets"
    alpaca_live_api_key: str | None = None
    alpaca_live_api_secret: SecretStr | None = None

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        for mode in Mode:
            key, secret = (f"alpaca_{mode}_api_{part}" for part in ("key", "secret"))
            if (getattr(self, key) is None) is not (getattr(self, secret) is None):
                there, missing = (key, secret) if getattr(self, key) is not None else (secret, key)
                raise ValueError(f"{there.upper()} is set without {missing.upper()}: set both or neither")
        return self

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """The settings of this process.

        Raises:
            SettingsError: one sentence for each variable that is missing or wrong.
        """
        data_dir = Path(overrides.get("data_dir") or os.environ.get("DATA_DIR") or ROOT / ".data")
        try:
            return cls(_env_file=data_dir / "server.env", **overrides)
        except ValidationError as error:
            raise SettingsError(" ".join(_sentence(problem) for problem in error.errors())) from None

    @cached_property
    def tokens(self) -> tuple[ApiToken, ...]:
        """Who may use the API."""
        return parse_tokens(self.api_tokens) if self.api_tokens else ()

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
        if role not in list(Role):
            raise ValueError(f"entry {number} ({name}) has the role {role!r}; use operator, viewer or bot")
        if len(token) < 16:
            raise ValueError(f"entry {number} ({name}) has a token of under 16 characters; use a longer one")
        if any(token == other.token.get_secret_value() for other in tokens):
            raise ValueError(f"entry {number} ({name}) repeats the token of another entry")
        tokens.append(ApiToken(name=name, role=Role(role), token=SecretStr(token)))
    return tuple(tokens)


def _sentence(problem: Any) -> str:
    """One sentence that names the variable. The value itself is left out: it may be a secret."""
    variable = "_".join(str(part) for part in problem["loc"]).upper()
    if problem["type"] == "missing":
        return f"{variable} is not set: set it in the environment, or use script/server, which sets it up."
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{variable} is wrong: {reason}." if variable else f"{reason}."
