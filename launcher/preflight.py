"""Checks before anything is started; each finding is one sentence that names the setting.

They load pydantic and more, which the launcher would keep as long as all runs: it has them done by ``launcher.aside``, and nothing
that it imports itself may import this module.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import psycopg2

from bot.errors import SettingsError
from bot.settings.settings import Settings
from bot.settings.tokens import Role
from bot.settings.types import LogFormat
from launcher import environment, ports
from launcher.environment import Plan
from launcher.errors import StartError

CONNECT_TIMEOUT_SEC = 5
_NO_DATABASE = dict.fromkeys(("database_url", "database_owner_url", "database_read_url"))


def check(
    data_dir: Path,
    database_url: str,
    redis_url: str,
    own_ports: Mapping[str, int | None],
    *,
    demo: bool,
    is_terminal: bool,
) -> Plan:
    """*own_ports*: the ports of the embedded servers, which are not started yet, by their names; None where there is none."""
    if is_terminal and os.environ.get("LOG_FORMAT", "").lower() in ("", LogFormat.AUTO):
        # the parts write to a pipe, and would take the reader at its end for a program
        os.environ["LOG_FORMAT"] = LogFormat.TEXT
    completed = environment.complete(os.environ, data_dir, database_url, redis_url, demo=demo)
    os.environ.update(completed.variables)
    settings = _load_settings(is_database_ours=own_ports["PostgreSQL"] is not None)
    _check_ports(settings, {**own_ports, "sandbox": completed.sandbox_port})
    if own_ports["PostgreSQL"] is None:
        _check_database(settings)
    if own_ports["Valkey"] is None and redis_url.startswith(("redis://", "rediss://")):
        _check_redis(settings)
    operators = (each.token.get_secret_value() for each in settings.tokens if each.role is Role.OPERATOR)
    return Plan(completed, settings.host, settings.port, settings.flower_port, next(operators, None))


def _load_settings(*, is_database_ours: bool) -> Settings:
    """*is_database_ours*: its addresses were made up here, and checking them would load SQLAlchemy, which takes half a second."""
    try:
        return Settings.load_without_database(**_NO_DATABASE) if is_database_ours else Settings.load()
    except SettingsError as error:
        raise StartError(str(error)) from None


def _check_ports(settings: Settings, own: Mapping[str, int | None]) -> None:
    if settings.port == settings.flower_port:
        raise StartError(f"PORT and FLOWER_PORT are both {settings.port}: set one of them to another port.")
    for variable, port in (("PORT", settings.port), ("FLOWER_PORT", settings.flower_port)):
        for server, taken in own.items():
            if port == taken:
                raise StartError(
                    f"{variable} is {port}, which the embedded {server} keeps for itself: set another port."
                )
    _check_port("HOST", settings.host, "PORT", settings.port)
    _check_port("HOST", ports.LOOPBACK, "FLOWER_PORT", settings.flower_port)


def _check_port(host_variable: str, host: str, variable: str, port: int) -> None:
    try:
        if ports.is_free(host, port):
            return
    except PermissionError:
        raise StartError(
            f"{variable} is {port}, which this account may not open: set one above 1023."
        ) from None
    except OSError as error:
        raise StartError(
            f"{host_variable} is {host}, where nothing can listen on this machine ({error.strerror})."
        ) from None
    raise StartError(
        f"Port {port} of {host} is taken: stop the program that uses it, or set {variable} to a free port."
    )


def _check_database(settings: Settings) -> None:
    plain = settings.database.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        psycopg2.connect(plain, connect_timeout=CONNECT_TIMEOUT_SEC).close()
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        raise StartError(f"The database that DATABASE_URL names cannot be used: {reason}") from None


def _check_redis(settings: Settings) -> None:
    import redis  # a fifth of a second, which a start with its own Valkey does without

    tls = {} if settings.queue_tls_ca is None else {"ssl_ca_certs": str(settings.queue_tls_ca)}
    try:
        with redis.Redis.from_url(
            settings.redis_url or "",
            socket_connect_timeout=CONNECT_TIMEOUT_SEC,
            socket_timeout=CONNECT_TIMEOUT_SEC,
            **(tls if (settings.redis_url or "").startswith("rediss://") else {}),
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise StartError(f"The Redis that REDIS_URL names cannot be used: {error}") from None
