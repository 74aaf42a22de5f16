"""Pitboss's own reconciliation, and where its time goes; seen from outside, without changing it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

from bot.commands.controller import Controller
from bot.models import Trigger
from bot.reconciliation.evidence import gather
from bot.settings.settings import Settings
from bot.storage.database import Database
from bot.storage.locked_bot import LockedBot
from tools.bench.pitboss import KEY, SECRET


@dataclass(frozen=True)
class Took:
    """One reconciliation, in milliseconds."""

    all_ms: float
    #: Reading the account, the positions and the broker's record of what is in question, and comparing.
    gather_ms: float
    #: From the evidence to the commit.
    judge_ms: float
    #: How much of that the lock on the bot's row was held.
    locked_ms: float
    missed: int
    error: str | None


class Reconciler:
    """Reconciles as a worker does that starts; use it as a context."""

    def __init__(self, database_url: str, sandbox_url: str, directory: Path) -> None:
        self._settings = Settings.load(
            data_dir=directory,  # what a running Pitboss has set up is not for us
            database_url=database_url,
            redis_url="redis://127.0.0.1:1/0",  # a reconciliation needs none
            alpaca_paper_url=sandbox_url,
            alpaca_paper_api_key=KEY,
            alpaca_paper_api_secret=SECRET,
        )
        self._database = Database.connect(self._settings)
        self._controller = Controller(self._database, self._settings)
        self._locked_at = 0.0
        self._undo = ExitStack()

    def __enter__(self) -> Reconciler:
        take = LockedBot.take

        def noted_take(*args: Any, **kwargs: Any) -> LockedBot:
            locked = take(*args, **kwargs)
            self._locked_at = time.perf_counter()
            return locked

        self._undo.enter_context(patch.object(LockedBot, "take", noted_take))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()
        self._database.close()

    def run(self) -> Took:
        """Gather, judge, commit."""
        began = time.perf_counter()
        evidence = gather(self._database, self._settings)
        gathered = time.perf_counter()
        report = self._controller.conclude(evidence, Trigger.STARTUP)
        ended = time.perf_counter()
        return Took(
            all_ms=(ended - began) * 1000,
            gather_ms=(gathered - began) * 1000,
            judge_ms=(ended - gathered) * 1000,
            locked_ms=(ended - self._locked_at) * 1000,
            missed=report.missed or 0,
            error=report.error,
        )
