"""Builds the web application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIFlask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.middleware.proxy_fix import ProxyFix

from bot.commands.controller import Controller
from bot.errors import SettingsError
from bot.models import Base
from bot.runtime import logs
from bot.runtime.threads import Threads
from bot.settings import secret_key
from bot.settings.settings import Settings
from bot.status.latest import latest
from bot.status.snapshot import snapshot
from bot.storage.database import Database, engine_options
from web.auth import scheme
from web.auth.directory import Directory
from web.commands.dispatch import Dispatch
from web.commands.outcomes import OutcomeWaiter
from web.commands.publisher import Publisher
from web.http import csv_export, errors, headers, openapi
from web.http.json_request import MAX_BODY, JsonRequest
from web.http.list_reader import MOST_AT_ONCE, STATEMENT_TIMEOUT_MS, ListReader
from web.http.single_flight import SingleFlight
from web.monitoring import request_metrics
from web.monitoring.background import Background
from web.monitoring.exposition import Metrics
from web.panel import pages as panel
from web.routes import (
    account,
    alerts,
    approvals,
    command_log,
    commands,
    destinations,
    docs,
    equity,
    events,
    health,
    metrics,
    mode,
    records,
    sessions,
    status,
    today,
    tokens,
    trades,
)
from web.schemas.responses import ErrorOut
from web.schemas.status import StatusOut
from web.services import Services, install
from web.streaming.status_stream import Events

#: Threads of one web process that may use the database at once; a request that waits for an outcome holds no connection.
POOL_SIZE = 8
#: How long the background threads may take to end what they have in hand, in seconds.
STOP_SEC = 2.0
#: Connections of one process that are reserved for kill, stop and pause.
LANE_SIZE = 4


class PitbossApi(APIFlask):
    request_class = JsonRequest

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return *func* unchanged: there are no coroutines here, and Flask would check for them nine times per request."""
        return func


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
        SQLALCHEMY_DATABASE_URI=settings.owner_database,  # only migrations use it
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(POOL_SIZE),
        DESCRIPTION="Start, pause, resume, stop and kill a trading bot, and see what it does.",
        HTTP_ERROR_SCHEMA=ErrorOut,
        VALIDATION_ERROR_SCHEMA=ErrorOut,
        AUTO_OPERATION_ID=True,
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    SQLAlchemy(app, metadata=Base.metadata)
    database = Database.connect(settings, POOL_SIZE)
    lane_database = Database.connect(settings, LANE_SIZE, overflow=0)
    lists_database = Database.connect(
        settings,
        MOST_AT_ONCE,
        overflow=0,
        statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        # a list that several processes of Postgres work on takes the processors from a kill
        server_settings="-c max_parallel_workers_per_gather=0",
    )
    controller, lane = Controller(database, settings), Controller(lane_database, settings)
    publisher = Publisher(settings)
    watch = OutcomeWaiter(lane, settings)
    background = Background(database, lane_database, settings)
    directory = Directory(database, settings)
    watch.subscribe(directory.heard)

    def read_status() -> StatusOut:
        with app.app_context():
            return status.present(database.batched(snapshot))

    def status_body() -> str:
        return status.present(database.batched(latest)).model_dump_json(by_alias=True)

    event_streams = Events(read_status, watch)
    install(
        app.extensions,
        Services(
            settings=settings,
            database=database,
            lane=lane_database,
            lists=ListReader(lists_database),
            controller=controller,
            outcomes=watch,
            dispatch=Dispatch(controller, lane, publisher, watch),
            status=SingleFlight(status_body),
            events=event_streams,
            background=background,
            metrics=Metrics(database, settings, publisher, background.writes),
            threads=Threads(),
        ),
    )
    if settings.secret_key is not None:
        _use_key(app, directory, settings.secret_key.get_secret_value())
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.before_request(logs.clear_contextvars)  # a thread serves many requests
    request_metrics.register(app)
    keeper = scheme.install(app, settings, directory)
    directory.on_change(lambda: event_streams.keep(keeper.still_admits))
    errors.register(app)
    headers.register(app, settings)
    for module in (
        *(commands, approvals, status, events, command_log, records, today, equity, trades, account),
        *(destinations, sessions, tokens, alerts, mode),
    ):
        app.register_blueprint(module.blueprint, url_prefix="/api/bot")
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(panel.blueprint)

    @app.spec_processor
    def spec(document: Any) -> Any:
        return openapi.complete(csv_export.describe(document), app.view_functions)

    return app


def start(app: APIFlask) -> None:
    """Start the background threads of a serving process.

    Raises:
        SettingsError: no token is configured, or the key of sessions cannot be stored.
    """
    services: Services = app.extensions["pitboss"]
    if not services.settings.tokens:
        raise SettingsError("API_TOKENS is not set: set it to name:role:token entries, comma separated.")
    keeper = scheme.of(app)
    _use_key(app, keeper.directory, secret_key.load(services.settings))
    keeper.start(services.threads)
    services.outcomes.start(services.threads)
    services.events.start()
    services.dispatch.publisher.start(services.threads)
    services.background.start(services.threads)


def stop(app: APIFlask) -> None:
    """End what ``start`` has begun, within some seconds, before the process ends."""
    services: Services = app.extensions["pitboss"]
    # first those that tell the streams something
    if services.threads.stop(STOP_SEC):
        services.outcomes.close()
    services.events.close()


def _use_key(app: APIFlask, directory: Directory, key: str) -> None:
    app.secret_key = key
    directory.use_key(key)
