"""Puts the web application together."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from bot.controller import Controller
from bot.database import Database, engine_options
from bot.errors import SettingsError
from bot.models import Base
from bot.settings import Settings
from web import auth, docs, errors, headers, openapi
from web.dispatch import Dispatch
from web.doorbell import Doorbell
from web.migrated import MIGRATIONS
from web.request import MAX_BODY, JsonRequest
from web.routes import actions, health, log, records, status
from web.schemas import ErrorOut
from web.services import Services, install
from web.watch import Watch

#: Threads of one web process that may use the database at once; requests that wait for an outcome hold no connection.
POOL_SIZE = 8


class PitbossApi(APIFlask):
    request_class = JsonRequest


def create_app(settings: Settings | None = None) -> APIFlask:
    """The web application. Its threads start with ``start`` (see ``web.wsgi``), not here.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    settings = settings or Settings.load()
    app = PitbossApi(
        __name__,
        title="Pitboss",
        version="0.1.0",
        docs_path=None,
        static_folder="static",
    )
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(POOL_SIZE),
        DESCRIPTION="Start, pause, resume, stop and kill a trading bot, and see what it does.",
        HTTP_ERROR_SCHEMA=ErrorOut,
        VALIDATION_ERROR_SCHEMA=ErrorOut,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    db = SQLAlchemy(app, metadata=Base.metadata)
    Migrate(app, db, directory=str(MIGRATIONS))
    with app.app_context():
        database = Database(db.engine)

    controller = Controller(database, settings)
    watch = Watch(controller, settings)
    install(
        app.extensions,
        Services(
            settings=settings,
            database=database,
            controller=controller,
            watch=watch,
            dispatch=Dispatch(controller, Doorbell(), watch),
        ),
    )
    auth.install(app, settings)
    errors.register(app)
    headers.register(app, settings)
    for module in (actions, status, log, records):
        app.register_blueprint(module.blueprint, url_prefix="/api/bot")
    app.register_blueprint(health.blueprint)
    app.register_blueprint(docs.blueprint)

    @app.spec_processor
    def spec(document: Any) -> Any:
        return openapi.complete(document)

    return app


def start(app: APIFlask) -> None:
    """Start what a serving process does beside its requests.

    Raises:
        SettingsError: nobody could log in.
    """
    services: Services = app.extensions["pitboss"]
    if not services.settings.tokens:
        raise SettingsError("API_TOKENS is not set: set it to name:role:token entries, comma separated.")
    services.watch.start()
    services.dispatch.doorbell.start()
