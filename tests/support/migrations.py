"""Migrations of the tests' databases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask_migrate
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from bot.models import Base
from bot.settings.settings import Settings
from tests.support.stack import ROOT


def migrate(url: str, command: str = "upgrade", *arguments: str, **more: Any) -> None:
    """Do *command* of ``flask db`` with the database at *url*, by the same migrations, in this process: in one of its own, four
    fifths of the time are the imports. *more* are further settings.

    Raises what ended it; SystemExit for what ``flask db`` says in a sentence.
    """
    settings = Settings(_env_file=None, database_url=url, redis_url="redis://127.0.0.1:1/0", **more)
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.owner_database
    app.extensions["pitboss"] = SimpleNamespace(settings=settings)
    database = SQLAlchemy(app, metadata=Base.metadata)
    flask_migrate.Migrate(app, database, directory=str(ROOT / "migrations"))
    with app.app_context():
        try:
            getattr(flask_migrate, command)(None, *arguments)
        finally:
            database.engine.dispose()


def flask_db(url: str, data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``flask db <arguments>`` on the database at *url*, as an operator runs it, in a process of its own; *data_dir* holds no
    settings of another server."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "web", "db", *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "DATA_DIR": str(data_dir),
            "API_TOKENS": "tests:operator:only-for-the-migration",
            "SECRET_KEY": "only-for-the-migration",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
