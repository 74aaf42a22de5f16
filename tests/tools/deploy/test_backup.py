"""Backup and restore, with the commands of docs/backup.md."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from launcher.embedded import Postgres
from launcher.embedded.postgres import _installation
from launcher.process import Process, StopOrder, StopStep
from launcher.reaper import Guard
from tests.support import ports
from tests.support.fixtures import StackFactory
from tests.support.migrations import migrate
from tests.support.waiting import wait_for
from tools.doc_blocks import ROOT, blocks, unmarked

PAGE = "backup.md"
_CODE = re.findall(r"(?<!`)`([^`]+)`(?!`)", (ROOT / "docs" / PAGE).read_text())
#: The settings that the page names, and its base backup.
SETTINGS = dict(re.findall(r"^(\w+) = '?(.+?)'?$", "\n".join(_CODE), re.MULTILINE))
[BASE_BACKUP] = [code for code in _CODE if code.startswith("pg_basebackup ")]
pytestmark = pytest.mark.timeout(180)


def sh(script: str, cwd: Path, **env: str) -> str:
    binaries = _installation() / "bin"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"PATH": f"{binaries}:{os.environ['PATH']}", "PGCONNECT_TIMEOUT": "5", **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def restored_url(postgres_server: Any) -> Iterator[str]:
    """Where the page restores to. Ask for it before ``make_stack``: its tables are looked at once more at the end."""
    url: str = postgres_server.url_of("restored")
    yield url
    with closing(psycopg2.connect(postgres_server.url_of("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS restored WITH (FORCE)")


def test_every_command_of_the_page_is_run() -> None:
    assert unmarked(PAGE) == []


def test_a_dump_taken_while_commands_arrive_is_restored_and_runs_on(
    restored_url: str, make_stack: StackFactory, tmp_path: Path
) -> None:
    fresh_stack = make_stack().start()
    operator = fresh_stack.api()
    operator.do("/start", {"reason": "before the dump"})
    fresh_stack.open_trade("AAPL")
    [dump], [restore] = blocks(PAGE, mark="dump"), blocks(PAGE, mark="restore")
    sh(dump, tmp_path, DATABASE_URL=fresh_stack.database_url)
    operator.do("/pause", {"reason": "after it"})
    counted = sh(restore, tmp_path, DATABASE_URL=fresh_stack.database_url, RESTORED_URL=restored_url)
    assert counted.splitlines()[0] == "1|running|paper"

    again = make_stack(database_url=restored_url)
    migrate(restored_url, "check")  # it has every table as this release makes it
    # as the page says: web alone, kill, then the worker
    again.start_sandbox()
    again.start_web()
    assert [row["reason"] for row in again.commands() if row["kind"] in ("start", "pause")] == [
        "before the dump"
    ]
    assert again.api().do("/kill", {"reason": "restored"})["state"] == "stopped"
    # a dump is older than the minute in which a position may lag its fill
    again.sql(
        "UPDATE bot_trade SET entry_at = entry_at - interval '1 hour', created_at = created_at - interval '1 hour'"
    )
    again.start_redis()
    again.start_worker()
    # the account has no such position: a second look, and the trade is written off with all its data kept
    again.wait_for(
        lambda: again.sql("SELECT 1 FROM bot_trade WHERE status = 'missed'"), 30, "it is reconciled"
    )
    again.api().do("/rearm")
    assert again.api().do("/start")["state"] == "running"


@pytest.fixture
def archived(server_dir: Path, guard: Guard) -> Iterator[tuple[Postgres, Path]]:
    """A server that archives its WAL, and the directory with the archive. Ask for it before ``make_stack``."""
    directory = server_dir / "point-in-time"
    archive = directory / "archive"
    archive.mkdir(parents=True)
    server = Postgres(
        directory / "server",
        port=ports.free(),
        guard=guard,
        options={
            name: SETTINGS[name].replace("/archive/", f"{archive}/")
            for name in ("archive_mode", "archive_timeout", "archive_command")
        },
    )
    if (account := server.process.account) is not None:
        for path in (directory, archive):
            os.chown(path, account.user_id, account.group_id)
    server.start()
    yield server, directory
    server.stop()


def test_back_to_a_moment_between_two_commands(
    archived: tuple[Postgres, Path], guard: Guard, make_stack: StackFactory
) -> None:
    server, directory = archived
    archive, account = directory / "archive", server.process.account
    stack = make_stack(database_url=server.url)
    migrate(server.url)
    _as(account, directory, BASE_BACKUP.replace("/backup/", f"{directory}/"), server.url)
    [base] = directory.glob("20??-*")

    stack.start_redis()
    stack.start_sandbox()
    stack.start_web()
    stack.start_worker()
    stack.api().do("/start", {"reason": "first"})
    moment = str(stack.sql("SELECT clock_timestamp()::text AS now")[0]["now"])
    stack.api().do("/stop", {"reason": "second"})
    stack.sql("SELECT pg_switch_wal()")
    wait_for(
        lambda: stack.sql(
            "SELECT archived_count > 0 AND last_failed_wal IS NULL AS ok FROM pg_stat_archiver"
        )[0]["ok"],
        30,
        "the WAL is archived",
    )
    segment = str(stack.sql("SELECT pg_walfile_name(pg_current_wal_lsn() - 1) AS name")[0]["name"])
    wait_for(
        lambda: len(list(archive.iterdir())) >= 2 or (archive / segment).exists(), 30, "all of it is archived"
    )

    port = ports.free()
    with (base / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            f"archive_mode = off\nmax_connections = 300\nport = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
            f"restore_command = '{SETTINGS['restore_command'].replace('/archive/', f'{archive}/')}'\n"
            f"recovery_target_time = '{moment}'\nrecovery_target_action = '{SETTINGS['recovery_target_action']}'\n"
        )
    (base / "recovery.signal").touch()
    if account is not None:
        os.chown(base / "recovery.signal", account.user_id, account.group_id)
    recovered = Process(
        name="recovered",
        command=[str(_installation() / "bin" / "postgres"), "-D", str(base)],
        account=account,
        log=directory / "recovered.log",
        stop_order=StopOrder.DATABASE,
        stop_steps=(StopStep(signal.SIGINT, 5), StopStep(signal.SIGKILL, 0)),
        guard=guard,
    )
    recovered.start()
    try:
        url = server.url.replace(f":{server.port}/", f":{port}/")
        rows = wait_for(
            lambda: _reasons(url), 30, "it is recovered", evidence=(directory / "recovered.log").read_text
        )
        assert "first" in rows
        assert "second" not in rows
    finally:
        recovered.stop()


def _reasons(url: str) -> list[str]:
    with closing(psycopg2.connect(url, connect_timeout=2)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        [(recovering,)] = cursor.fetchall()
        cursor.execute("SELECT reason FROM bot_command WHERE reason IS NOT NULL")
        return [] if recovering else [row[0] for row in cursor.fetchall()]


def _as(account: object, cwd: Path, command: str, url: str) -> None:
    """Type *command* as the server's own account, with the server's address where libpq looks for it."""
    parts = make_url(url)
    done = subprocess.run(
        ["sh", "-c", command],
        user=getattr(account, "user_id", None),
        group=getattr(account, "group_id", None),
        extra_groups=None if account is None else [],
        cwd=cwd,
        env={
            "PATH": f"{_installation() / 'bin'}:{os.environ['PATH']}",
            "PGHOST": str(parts.host),
            "PGPORT": str(parts.port),
            "PGUSER": str(parts.username),
            "PGPASSWORD": str(parts.password),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
