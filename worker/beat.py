"""Beat's scheduler: Celery's own, which also says that it lives."""

from __future__ import annotations

from typing import Any

from celery.beat import PersistentScheduler

from bot import alive
from worker import context


class Scheduler(PersistentScheduler):
    def tick(self, *args: Any, **kwargs: Any) -> float:
        alive.touch(context.settings().alive_file)
        return float(super().tick(*args, **kwargs))
