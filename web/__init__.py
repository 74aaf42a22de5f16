"""Speaks HTTP: the REST interface and the panel. Translates, and leaves every decision to ``bot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def create_app() -> Flask:
    """The application for ``flask --app web``, with the commands of Flask-Migrate. What serves (``web.wsgi``) is spared
    Alembic, Mako and Pygments, which come with these: 8 MiB.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    from flask_migrate import Migrate

    from web.app import create_app
    from web.monitoring.migration_check import MIGRATIONS

    app = create_app()
    Migrate(app, app.extensions["sqlalchemy"], directory=str(MIGRATIONS))
    return app
