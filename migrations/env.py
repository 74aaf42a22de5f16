"""Runs migrations over the web application's database (``flask --app web db …``)."""

from __future__ import annotations

import sys
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import URL, make_url, text

from bot.errors import SettingsError
from migrations import roles

database = current_app.extensions["migrate"].db
settings = current_app.extensions["pitboss"].settings

#: A migration that cannot have its locks gives up rather than queue in front of every command; run it again.
LOCK_TIMEOUT = "4s"


def leave_out_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def is_newer() -> bool:
    """Whether an upgrade meets a revision that this release does not know: going back to it changes nothing."""
    known = {script.revision for script in context.script.walk_revisions()}
    return is_upgrade() and not known.issuperset(context.get_context().get_current_heads())


def run() -> None:
    options = {
        "target_metadata": database.metadata,
        "compare_server_default": True,
        "process_revision_directives": leave_out_empty,
        "transaction_per_migration": True,
    }
    if context.is_offline_mode():
        context.configure(url=database.engine.url, literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with database.engine.connect() as connection:
        # the time limits of the application's own connections are not for migrations
        connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(connection=connection, **options)
        newer = is_newer()
        if newer:
            print("The database belongs to a newer release: it stays as it is.")
        else:
            with context.begin_transaction():
                context.run_migrations()
        if settings.database_owner_url and is_upgrade():
            addresses = settings.database, _url(settings.database_read_url)
            # a server that a newer release's database was moved to has none of the roles; otherwise their rights stay as they are
            with_rights = not (newer and roles.are_there(connection, *addresses))
            connection.commit()
            try:
                with connection.begin():
                    roles.make(connection, *addresses)
                    if with_rights:
                        roles.grant(connection, *addresses)
            except SettingsError as error:
                sys.exit(f"Pitboss cannot make the roles of the database: {error}")
        connection.invalidate()


def is_upgrade() -> bool:
    return context.get_context().opts.get("destination_rev") in ("head", "heads")


def _url(address: str | None) -> URL | None:
    return None if address is None else make_url(address)


run()
