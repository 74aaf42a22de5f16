"""The objects that the routes use, made once for each process."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from bot.commands.controller import Controller
from bot.runtime.threads import Threads
from bot.settings.settings import Settings
from bot.storage.database import Database
from web.commands.dispatch import Dispatch
from web.commands.outcomes import OutcomeWaiter
from web.http.list_reader import ListReader
from web.http.single_flight import SingleFlight
from web.monitoring.background import Background
from web.monitoring.exposition import Metrics
from web.streaming.status_stream import Events

_KEY = "pitboss"


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    #: Connections for kill, stop and pause, and for the rest of the answer to them.
    lane: Database
    lists: ListReader
    controller: Controller
    outcomes: OutcomeWaiter
    dispatch: Dispatch
    #: The body of GET /status.
    status: SingleFlight[str]
    events: Events
    background: Background
    metrics: Metrics
    #: All background threads but those of the event streams.
    threads: Threads


def install(extensions: dict[str, object], services: Services) -> None:
    extensions[_KEY] = services


def services() -> Services:
    """The services of the app that handles the present request."""
    found: Services = current_app.extensions[_KEY]
    return found
