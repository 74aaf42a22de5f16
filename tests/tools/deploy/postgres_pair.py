"""A PostgreSQL primary and a streaming standby that can take over, both on loopback."""

import os
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from launcher.embedded import Postgres
from launcher.embedded.postgres import _installation
from launcher.process import Process, StopOrder, StopStep
from launcher.reaper import Guard
from tests.support import ports
from tests.support.waiting import wait_for

STANDBY = "standby"


class Pair:
    """``start`` brings both up, in step; with *synchronous* the primary acknowledges nothing that only it has."""

    def __init__(self, directory: Path, guard: Guard, *, synchronous: bool = True) -> None:
        self.primary = Postgres(directory / "primary", port=ports.free(), guard=guard)
        self._synchronous = synchronous
        self._directory = directory
        self._data = directory / "standby"
        self._port = ports.free()
        account = self.primary.process.account
        self.standby = Process(
            name="postgres-standby",
            command=[
                *(str(_installation() / "bin" / "postgres"), "-D", str(self._data)),
                *(
                    "-c",
                    f"port={self._port}",
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    "unix_socket_directories=",
                    # a standby refuses to follow a primary that allows more
                    "-c",
                    "max_connections=300",
                ),
            ],
            account=account,
            log=directory / "standby.log",
            stop_order=StopOrder.DATABASE,
            stop_steps=(StopStep(signal.SIGINT, 5), StopStep(signal.SIGKILL, 0)),
            guard=guard,
        )

    @property
    def url(self) -> str:
        """Both, as an operator writes it down."""
        return self.primary.url.replace(
            f"127.0.0.1:{self.primary.port}", f"127.0.0.1:{self.primary.port},127.0.0.1:{self._port}"
        )

    def start(self) -> None:
        self.primary.start()
        self._copy()
        self.standby.start()
        wait_for(
            lambda: self._streams(),
            30,
            "the standby follows",
            evidence=(self._directory / "standby.log").read_text,
        )
        if self._synchronous:
            self.on_primary(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
            self.on_primary("SELECT pg_reload_conf()")
            wait_for(lambda: self._streams("sync"), 10, "the standby is synchronous")

    def lose_primary(self) -> None:
        """It is gone, as with its machine; it does not come back by itself and take writes."""
        self.primary.kill()

    def promote(self) -> None:
        self._on(self._port, "SELECT pg_promote()")

    def fall_behind(self) -> None:
        """From now on the standby hears nothing."""
        self._on(self._port, "ALTER SYSTEM SET primary_conninfo = ''")
        self._on(self._port, "SELECT pg_reload_conf()")
        wait_for(lambda: not self._streams(), 10, "the standby does not follow any more")

    def on_primary(self, statement: str) -> list[Any]:
        return self._on(self.primary.port, statement)

    def close(self) -> None:
        self.standby.stop()
        self.primary.stop()

    def _copy(self) -> None:
        account = self.primary.process.account
        if account is not None:
            os.chown(self._directory, account.user_id, account.group_id)
        source = f"{self.primary.url_of('postgres')}?application_name={STANDBY}"
        subprocess.run(
            [
                str(_installation() / "bin" / "pg_basebackup"),
                *(
                    "--dbname",
                    source,
                    "--pgdata",
                    str(self._data),
                    "--write-recovery-conf",
                    "--checkpoint=fast",
                ),
            ],
            user=None if account is None else account.user_id,
            group=None if account is None else account.group_id,
            extra_groups=None if account is None else [],
            cwd=self._directory,
            check=True,
            capture_output=True,
        )

    def _streams(self, state: str = "") -> bool:
        rows = self.on_primary("SELECT state, sync_state FROM pg_stat_replication")
        return any(row[0] == "streaming" and row[1].startswith(state) for row in rows)

    def _on(self, port: int, statement: str) -> list[Any]:
        url = self.primary.url_of("postgres").replace(f":{self.primary.port}/", f":{port}/")
        with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
