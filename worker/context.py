"""What a worker process works with: settings, its own connections, the controller.

The pool's children are forked from the main process, whose connections they must not touch: each process makes its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from bot.commands.controller import Controller
from bot.commands.evidence import EvidenceGatherer
from bot.settings.settings import Settings
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
    loaded = settings()
    connected = Database.connect(loaded, pool_size=4)
    made = Controller(connected, loaded)
    return Context(connected, made, EvidenceGatherer(made, connected, loaded))
