"""Least privilege: what the application's role in Postgres can do, and what it cannot, whatever program uses it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from bot.settings.settings import Settings
from bot.storage.database import Database
from tests.bot.alerts.commands import Bot
from tests.support.fixtures import StackFactory
from tests.support.migrations import migrate as here
from tests.support.stack import ROOT, Stack


@contextmanager
def migrated(postgres_server: Any) -> Iterator[dict[str, str]]:
    """A database that was migrated with three roles: their addresses."""
    database = postgres_server.create()
    owner = make_url(postgres_server.url_of(database))
    urls = {
        name: owner.set(username=f"{name}_{database}", password="password-of-the-tests").render_as_string(
            hide_password=False
        )
        for name in ("app", "read")
    }
    urls["owner"] = owner.render_as_string(hide_password=False)
    here(urls["app"], database_owner_url=urls["owner"], database_read_url=urls["read"])
    yield urls
    postgres_server.drop(database)
    with closing(psycopg2.connect(postgres_server.url_of("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in ("app", "read"):
                cursor.execute(f'DROP ROLE "{name}_{database}"')


@pytest.fixture(scope="module")
def roles(postgres_server: Any) -> Iterator[dict[str, str]]:
    with migrated(postgres_server) as urls:
        migrate(urls)  # as an operator does once more with each release
        yield urls


def migrate(urls: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_OWNER_URL": urls["owner"],
        "DATABASE_URL": urls["app"],
        "DATABASE_READ_URL": urls["read"],
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATA_DIR": "/nonexistent",
        **more,
    }
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "web", "db", "upgrade"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=not more,
    )


@pytest.fixture(scope="module")
def stack(roles: dict[str, str], make_module_stack: StackFactory) -> Stack:
    return make_module_stack(database_url=roles["app"]).start()


def archive(directory: Path, **urls: str) -> subprocess.CompletedProcess[str]:
    """Archives all that a week has gone by over, as docs/scaling.md says."""
    return subprocess.run(
        [sys.executable, "-m", "bot.archive", "--older-than", "7", "--to", str(directory)],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "DATA_DIR": "/nonexistent",
            **urls,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(url: str, *statements: str) -> str:
    """What Postgres says to the last of *statements*; empty when it did it."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for statement in statements[:-1]:
            cursor.execute(statement)
        try:
            cursor.execute(statements[-1])
        except psycopg2.Error as error:
            return str(error)
        return ""


def test_the_application_runs_on_its_own_role(stack: Stack) -> None:
    operator = stack.api()
    operator.do("/start")
    operator.do("/pause")
    assert (
        operator.patch("/config", {"maxConcurrentPositions": 2}, headers={"Prefer": "wait=10"}).status_code
        == 200
    )
    operator.do("/reconcile", headers={"Prefer": "wait=10"})
    operator.do("/kill", {"flatten": True})
    operator.do("/rearm")
    assert operator.get("//metrics").status_code == 200
    assert operator.get("//readyz").status_code == 200
    assert "permission denied" not in stack.logs(whole=True)


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM bot_command"],
        ["TRUNCATE bot_command"],
        ["DELETE FROM bot_trade"],
        ["DELETE FROM bot_trade_event"],
        ["DELETE FROM bot_session"],
        ["ALTER TABLE bot_command DISABLE TRIGGER ALL"],
        [
            "CREATE TRIGGER mine BEFORE UPDATE ON bot_command FOR EACH ROW EXECUTE FUNCTION bot_command_guard()"
        ],
        ["SET session_replication_role = 'replica'"],
        ["CREATE TABLE mine (id int)"],
        ["CREATE OR REPLACE FUNCTION bot_command_guard() RETURNS trigger LANGUAGE sql AS 'SELECT 1'"],
        ["UPDATE alembic_version SET version_num = '0001'"],
        ["COPY bot_command TO PROGRAM 'cat'"],
        ["CREATE ROLE mine SUPERUSER"],
        ["UPDATE bot_command SET actor = 'somebody else' WHERE status = 'applied'"],
    ],
    ids=lambda statements: statements[-1][:40],
)
def test_the_application_cannot_touch_what_the_log_says_nor_its_guards(
    stack: Stack, roles: dict[str, str], statements: list[str]
) -> None:
    assert stack.sql("SELECT 1 FROM bot_command WHERE status = 'applied' LIMIT 1") or stack.api().do("/kill")
    assert refused(roles["app"], *statements)


def test_who_only_looks_can_read_everything_and_change_nothing(roles: dict[str, str]) -> None:
    assert not refused(roles["read"], "SELECT count(*) FROM bot_command")
    for statement in (
        "UPDATE bot_config SET enabled = true",
        "INSERT INTO bot_worker (name) VALUES ('x')",
        "SELECT 1 FROM bot_config FOR UPDATE",
        "DELETE FROM bot_alert",
        "SELECT * FROM bot_evict_idle_lock_holders()",
    ):
        assert "permission denied" in refused(roles["read"], statement), statement


def test_an_owner_who_idles_with_the_lock_keeps_no_kill_waiting(stack: Stack, roles: dict[str, str]) -> None:
    with closing(psycopg2.connect(roles["owner"])) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM bot_config FOR UPDATE")
        assert stack.api().do("/kill")["state"] == "stopped"
    stack.api().do("/rearm")


def test_the_owner_archives_and_the_application_cannot(postgres_server: Any, tmp_path: Path) -> None:
    with migrated(postgres_server) as roles:
        settings = Settings(_env_file=None, database_url=roles["app"], redis_url="redis://127.0.0.1:1/0")
        with closing(Database.connect(settings)) as database:
            bot = Bot(database, settings)
            for kind in ("start", "kill", "rearm", "start"):
                bot.do(kind)
            make_old(roles["owner"])
            for url in (roles["app"], roles["read"]):
                done = archive(tmp_path / "refused", DATABASE_URL=url)
                assert done.returncode == 1
                assert "Set DATABASE_OWNER_URL to the address of the tables' owner" in done.stderr
                assert "Traceback" not in done.stderr
                assert not (tmp_path / "refused").exists()

            done = archive(tmp_path / "to", DATABASE_URL=roles["app"], DATABASE_OWNER_URL=roles["owner"])
            assert done.returncode == 0, done.stderr
            assert "3 rows of bot_command" in done.stdout
            assert bot.do("kill").revision == 5, "and the application goes on"


def make_old(owner: str) -> None:
    """Let a month go by since the commands were finished."""
    with closing(psycopg2.connect(owner)) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE bot_command DISABLE TRIGGER bot_command_guard")
        cursor.execute("UPDATE bot_command SET finished_at = finished_at - interval '30 days'")
        cursor.execute("ALTER TABLE bot_command ENABLE TRIGGER bot_command_guard")
        connection.commit()


def test_roles_that_are_the_owner_or_have_no_password_are_refused_with_a_sentence(
    roles: dict[str, str],
) -> None:
    for url in (roles["owner"], roles["app"].replace(":password-of-the-tests", "")):
        done = migrate(roles, DATABASE_URL=url)
        assert done.returncode != 0
        assert "DATABASE_URL must name a role of its own" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_database_of_a_newer_release_that_was_moved_to_a_server_without_roles_gets_them(
    postgres_server: Any,
) -> None:
    with migrated(postgres_server) as urls:
        with closing(psycopg2.connect(urls["owner"])) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE alembic_version SET version_num = '9999'")
            for name in ("app", "read"):
                role = f'"{make_url(urls[name]).username}"'
                cursor.execute(f"DROP OWNED BY {role}")
                cursor.execute(f"DROP ROLE {role}")
            connection.commit()
        assert "newer release" in migrate(urls).stdout
        assert not refused(urls["app"], "UPDATE bot_config SET revision = revision")
        assert not refused(urls["read"], "SELECT count(*) FROM bot_command")


def test_new_passwords_of_the_roles_count_also_for_a_database_of_a_newer_release(
    postgres_server: Any,
) -> None:
    def passwords() -> dict[str, str]:
        with closing(psycopg2.connect(urls["owner"])) as connection, connection.cursor() as cursor:
            names = [make_url(urls[name]).username for name in ("app", "read")]
            cursor.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY(%s)", (names,))
            return dict(cursor.fetchall())

    with migrated(postgres_server) as urls:
        with closing(psycopg2.connect(urls["owner"])) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        before = passwords()
        renewed = {name: make_url(url).set(password="another-one") for name, url in urls.items()}
        renewed["owner"] = make_url(urls["owner"])
        shown = {name: url.render_as_string(hide_password=False) for name, url in renewed.items()}
        assert "newer release" in migrate(shown).stdout
        after = passwords()
        assert len(after) == 2
        assert not [role for role, password in after.items() if password == before[role]]
        assert not refused(shown["app"], "UPDATE bot_config SET revision = revision")
        assert not refused(shown["read"], "SELECT count(*) FROM bot_command")
