"""What the routes work with, made once for each process."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from bot.controller import Controller
from bot.database import Database
from bot.settings import Settings
from web.alerts import Alerts
from web.dispatch import Dispatch
from web.events import Events
from web.metrics import Metrics
from web.shared import Shared
from web.watch import Watch

_KEY = "pitboss"


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    controller: Controller
    watch: Watch
    dispatch: Dispatch
    #: The body of GET /status.
    status: Shared[str]
    events: Events
    alerts: Alerts
    metrics: Metrics


def install(extensions: dict[str, object], services: Services) -> None:
    extensions[_KEY] = services


def services() -> Services:
    """The services of the app that handles the present request."""
    found: Services = current_app.extensions[_KEY]
    return found
