"""Least privilege in Postgres: the application and people who only look get roles of their own, beside the owner who migrates.

Made, and brought up to date, after each migration, where DATABASE_OWNER_URL says who the owner is; DATABASE_URL and
DATABASE_READ_URL then say what the other two roles are called, and their passwords. Without DATABASE_OWNER_URL one role does it all.
"""

from __future__ import annotations

from typing import Any

from psycopg2 import sql
from sqlalchemy import URL, Connection, text

from bot.errors import SettingsError

#: What the application forgets again by itself. Of all other tables it can delete nothing: the log, trades and their events, sessions.
FORGOTTEN = (
    "bot_alert",
    "bot_command_uncounted",
    "bot_condition",
    "bot_equity",
    "bot_ignored_position",
    "bot_reconciliation",
    "bot_suspect",
    "bot_suspension",
    "bot_trade_exit",
    "bot_worker",
)
_PLAIN = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {password}")


def are_there(connection: Connection, application: URL, reader: URL | None) -> bool:
    """Whether the roles exist and may do what they are for."""
    wanted = {application.username: "UPDATE", **({} if reader is None else {reader.username: "SELECT"})}
    may = text(
        "SELECT has_table_privilege(rolname, 'bot_config', :right) FROM pg_roles WHERE rolname = :role"
    )
    return all(connection.scalar(may, {"role": role, "right": right}) for role, right in wanted.items())


def make(connection: Connection, application: URL, reader: URL | None) -> None:
    """Make the roles that are missing and set the passwords of all, in the transaction of *connection*, which is the owner's.

    Raises:
        SettingsError: a role has no name or password, or is the owner.
    """
    owner = connection.engine.url.username
    for variable, url in (("DATABASE_URL", application), ("DATABASE_READ_URL", reader)):
        if url is not None and (not url.password or not url.username or url.username == owner):
            raise SettingsError(
                f"{variable} must name a role of its own, with a password, when DATABASE_OWNER_URL is set."
            )
    with _cursor(connection) as cursor:
        for url in filter(None, (application, reader)):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (url.username,))
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            statement = sql.SQL(verb + " ROLE {role} {plain}")
            plain = _PLAIN.format(password=sql.Literal(str(url.password)))
            cursor.execute(statement.format(role=sql.Identifier(url.username or ""), plain=plain))


def grant(connection: Connection, application: URL, reader: URL | None) -> None:
    """Give the roles their rights, in the transaction of *connection*, which is the owner's."""
    with _cursor(connection) as cursor:

        def run(statement: str, **parts: object) -> None:
            cursor.execute(sql.SQL(statement).format(**parts))

        for url in filter(None, (application, reader)):
            role = sql.Identifier(url.username or "")
            database = sql.Identifier(connection.engine.url.database or "")
            run("GRANT CONNECT ON DATABASE {database} TO {role}", database=database, role=role)
            run("GRANT USAGE ON SCHEMA public TO {role}", role=role)
            run("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}", role=role)
            run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", role=role)
            run("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}", role=role)
        role = sql.Identifier(application.username or "")
        run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        run("GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}", role=role)
        run("REVOKE INSERT, UPDATE ON alembic_version FROM {role}", role=role)
        tables = sql.SQL(", ").join(map(sql.Identifier, FORGOTTEN))
        run("GRANT DELETE ON {tables} TO {role}", tables=tables, role=role)
        run("GRANT USAGE ON SEQUENCE bot_command_seq_seq TO {role}", role=role)
        run("GRANT EXECUTE ON FUNCTION bot_evict_idle_lock_holders() TO {role}", role=role)


def _cursor(connection: Connection) -> Any:
    driver = connection.connection.dbapi_connection
    assert driver is not None  # noqa: S101 - it is connected
    return driver.cursor()
