"""Beat's hooks: times of the trading day at which later programs may act.

A hook is a task name with a schedule. It is scheduled only if a task of that name is registered, so a later program
only has to add its task.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.schedules import crontab

from worker.app import app

#: Task name to schedule, in America/New_York, on the exchange's weekdays.
HOOKS = {
    "bot.daily_reset": crontab(hour=4, minute=0, day_of_week="mon-fri"),
    "bot.force_close": crontab(hour=15, minute=45, day_of_week="mon-fri"),
}


@app.on_after_finalize.connect
def schedule_hooks(sender: Celery, **_: Any) -> None:
    """Schedule the hooks that have a task."""
    for name, schedule in HOOKS.items():
        if name in sender.tasks:
            sender.add_periodic_task(schedule, sender.tasks[name].s(), name=name)
