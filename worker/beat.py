"""Beat's scheduler: Celery's own, which also says that it lives."""

from __future__ import annotations

from typing import Any

from celery.beat import PersistentScheduler

from bot.runtime import liveness_file
from worker import context


class Scheduler(PersistentScheduler):
    def tick(self, *args: Any, **kwargs: Any) -> float:
        liveness_file.touch(context.settings().alive_file)
        return float(super().tick(*args, **kwargs))
