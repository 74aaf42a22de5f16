"""Beat's scheduler: Celery's own, which no file ends."""

from __future__ import annotations

import logging
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery.beat import PersistentScheduler

from bot.runtime import liveness_file
from worker import context

log = logging.getLogger(__name__)


class Scheduler(PersistentScheduler):
    """The file keeps when each hook ran last. Without it no hook is lost or late (see ``worker.trading_times``)."""

    schedule_filename: Any
    _store: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._cannot_write = False
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        liveness_file.touch(context.settings().alive_file)
        return float(super().tick(*args, **kwargs))

    def setup_schedule(self) -> None:
        try:
            super().setup_schedule()
        except Exception as error:  # noqa: BLE001 - whatever a broken file makes pickle or dbm raise
            self._set_aside(error)
            super().setup_schedule()

    def sync(self) -> None:
        try:
            super().sync()
            self._cannot_write = False
        except Exception as error:  # noqa: BLE001 - each kind of dbm has errors of its own
            if not self._cannot_write:
                log.error("the schedule's file %s cannot be written: %s", self.schedule_filename, error)
            self._cannot_write = True

    def _destroy_open_corrupted_schedule(self, exc: Exception) -> Any:
        self._set_aside(exc)
        return self._open_schedule()  # type: ignore[attr-defined] # the types leave it out

    def _set_aside(self, error: Exception) -> None:
        """Go on with a new file: beside the one that cannot be read, or elsewhere if there is no place for it there."""
        if self._store is not None:
            with suppress(Exception):
                self._store.close()
            self._store = None
        path = Path(self.schedule_filename)
        aside = [Path(f"{path}{suffix}") for suffix in self.known_suffixes]
        try:
            for file in filter(Path.exists, aside):
                file.replace(f"{file}.unreadable")
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError:
            self.schedule_filename = str(Path(tempfile.mkdtemp(prefix="pitboss-beat-")) / "schedule")
        log.error(
            "the schedule's file %s cannot be used (%s: %s); beat goes on with %s",
            *(path, type(error).__name__, error, self.schedule_filename),
        )
