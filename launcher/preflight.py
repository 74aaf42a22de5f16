"""Checks before anything is started; each finding is one sentence that names the setting."""

import os
from collections.abc import Mapping

import psycopg2

from bot.errors import SettingsError
from bot.settings import secret_files
from bot.settings.settings import Settings
from launcher import ports
from launcher.errors import StartError

CONNECT_TIMEOUT_SEC = 5
_NO_DATABASE = dict.fromkeys(("database_url", "database_owner_url", "database_read_url"))


def read_secret_files() -> None:
    """Put what the files hold that NAME_FILE variables name into the environment, which all parts are started with."""
    try:
        environ = secret_files.resolved(os.environ)
    except SettingsError as error:
        raise StartError(str(error)) from None
    os.environ.clear()
    os.environ.update(environ)


def load_settings(*, is_database_ours: bool) -> Settings:
    """*is_database_ours*: its addresses were made up here. To check them would keep SQLAlchemy in memory as long as all runs."""
    try:
        return Settings.load_without_database(**_NO_DATABASE) if is_database_ours else Settings.load()
    except SettingsError as error:
        raise StartError(str(error)) from None


def check_ports(settings: Settings, own: Mapping[str, int | None]) -> None:
    """*own*: the ports of the embedded servers, which are not started yet, by their names; None where there is none."""
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


def check_database(settings: Settings) -> None:
    plain = settings.database.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        psycopg2.connect(plain, connect_timeout=CONNECT_TIMEOUT_SEC).close()
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        raise StartError(f"The database that DATABASE_URL names cannot be used: {reason}") from None


def check_redis(settings: Settings) -> None:
    import redis  # the launcher would hold it in memory as long as all runs; with its own Valkey it needs none

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
