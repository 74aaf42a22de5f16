"""The environment variables that all parts are started with."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import SettingsError
from bot.settings import kept_secret, secret_files
from launcher import ports
from launcher.errors import StartError

# What other terminals need to act on this running system, see server_env.
_SHARED = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_READ_URL",
    "REDIS_URL",
    "REDIS_SENTINEL_PASSWORD",
    "QUEUE_URL",
    "QUEUE_TLS_CA",
    "QUEUE_TLS_CERT",
    "QUEUE_TLS_KEY",
    "HOST",
    "PORT",
    "FLOWER_PORT",
    "API_TOKENS",
    "SECRET_KEY",
    "CORS_ORIGINS",
    "APPROVALS",
    "SESSION_IDLE_MIN",
    "MARKET_HOURS",
    "ALPACA_PAPER_URL",
    "ALPACA_PAPER_API_KEY",
    "ALPACA_PAPER_API_SECRET",
    "ALPACA_LIVE_URL",
    "ALPACA_LIVE_API_KEY",
    "ALPACA_LIVE_API_SECRET",
)

#: Where the programs of the embedded Postgres are: those of another major refuse it.
PG_BIN = "PG_BIN"


@dataclass(frozen=True)
class Environment:
    """What the operator set, completed with what was made up for this data directory."""

    variables: Mapping[str, str]
    sandbox_port: int | None  # None: a real paper account is used
    tokens_are_ours: bool  # made up here, so they may be printed
    flower_login_is_ours: bool
    demo_token: str | None = None  # of the demo bot, when it was asked for

    def server_env(self) -> str:
        """The variables in the form of a .env file."""
        shared = {name: self.variables[name] for name in (*_SHARED, PG_BIN) if name in self.variables}
        return "".join(f"{name}='{_escaped(value)}'\n" for name, value in shared.items())


@dataclass(frozen=True)
class Plan:
    """What the launcher starts, once all of it has been checked."""

    environment: Environment
    host: str
    port: int
    flower_port: int
    operator_token: str | None


def read_secret_files() -> None:
    """Put what the files hold that NAME_FILE variables name into the environment, which all parts are started with."""
    try:
        environ = secret_files.resolved(os.environ)
    except SettingsError as error:
        raise StartError(str(error)) from None
    os.environ.clear()
    os.environ.update(environ)


def complete(
    given: Mapping[str, str], data_dir: Path, database_url: str, redis_url: str, *, demo: bool = False
) -> Environment:
    """Fills in what the operator did not set. An empty variable counts as not set."""
    from bot.settings.settings import Settings  # see launcher.preflight

    variables = {name: value for name, value in given.items() if value or name not in _SHARED}
    variables |= {
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": database_url,
        **({"REDIS_URL": redis_url} if redis_url else {}),
        "PYTHONUNBUFFERED": "1",
    }
    # what is not set is written down as well, for whoever reads server.env
    for name in ("HOST", "PORT", "FLOWER_PORT"):
        variables.setdefault(name, str(Settings.model_fields[name.lower()].default))
    variables["FLOWER_READ_ONLY"] = variables.get("FLOWER_READ_ONLY") or "true"  # an empty one would end it
    tokens_are_ours = "API_TOKENS" not in variables
    if tokens_are_ours:
        variables["API_TOKENS"] = kept_secret.keep(data_dir / "api-tokens", _make_tokens)
    flower_login_is_ours = not variables.get("FLOWER_BASIC_AUTH")
    if flower_login_is_ours:
        variables["FLOWER_BASIC_AUTH"] = kept_secret.keep(
            data_dir / "flower-login", lambda: f"operator:{secrets.token_urlsafe(16)}"
        )
    if "SECRET_KEY" not in variables:
        variables["SECRET_KEY"] = kept_secret.keep(data_dir / "secret-key")

    sandbox_port = None
    if not variables.keys() & {"ALPACA_PAPER_API_KEY", "ALPACA_PAPER_API_SECRET"}:
        if "ALPACA_PAPER_URL" in variables:
            raise StartError(
                "ALPACA_PAPER_URL is set, but no keys for it: set ALPACA_PAPER_API_KEY and ALPACA_PAPER_API_SECRET, "
                "or unset it to use the sandbox."
            )
        sandbox_port = ports.kept(data_dir / "sandbox-port")
        key, secret = kept_secret.keep(data_dir / "sandbox-keys", _make_sandbox_keys).split(":")
        variables |= {
            "ALPACA_PAPER_URL": f"http://{ports.LOOPBACK}:{sandbox_port}",
            "ALPACA_PAPER_API_KEY": key,
            "ALPACA_PAPER_API_SECRET": secret,
        }
    demo_token = None
    if demo:
        if sandbox_port is None:
            raise StartError(
                "--demo trades at the sandbox only: unset ALPACA_PAPER_API_KEY and ALPACA_PAPER_API_SECRET to use it."
            )
        demo_token = kept_secret.keep(data_dir / "demo-token")
        variables["API_TOKENS"] += f",demo:bot:{demo_token}"
        variables.setdefault("MARKET_HOURS", "always")
    return Environment(variables, sandbox_port, tokens_are_ours, flower_login_is_ours, demo_token)


def _make_tokens() -> str:
    return ",".join(f"{role}:{role}:{secrets.token_urlsafe(32)}" for role in ("operator", "viewer"))


def _make_sandbox_keys() -> str:
    return f"SANDBOX{secrets.token_hex(7).upper()}:{secrets.token_urlsafe(32)}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
