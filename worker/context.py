"""What a worker process works with: settings, its own connections, the controller.

The pool's children are forked from the main process, whose connections they must not touch: each process makes its own.

Beat and Flower load the tasks for their names and never run one. So nothing here, and in no module that Celery includes, imports
the domain before it is used: with SQLAlchemy, that is 30 MiB for each process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bot.settings.settings import Settings

if TYPE_CHECKING:
    from bot.commands.controller import Controller
    from bot.commands.evidence import EvidenceGatherer
    from bot.storage.database import Database


@dataclass(frozen=True)
class Context:
    database: Database
    controller: Controller
    evidence: EvidenceGatherer


@cache
def settings() -> Settings:
    """Also of beat and Flower, which have no address of a database."""
    return Settings.load_without_database()


def database() -> Database:
    return _of_process(os.getpid()).database


def controller() -> Controller:
    return _of_process(os.getpid()).controller


def evidence() -> EvidenceGatherer:
    return _of_process(os.getpid()).evidence


@cache
def _of_process(pid: int) -> Context:
    from bot.commands.controller import Controller
    from bot.commands.evidence import EvidenceGatherer
    from bot.storage.database import Database

    loaded = settings()
    connected = Database.connect(loaded, pool_size=4)
    made = Controller(connected, loaded)
    return Context(connected, made, EvidenceGatherer(made, connected, loaded))
