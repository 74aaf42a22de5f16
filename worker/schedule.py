"""Beat's hooks: times of the trading day at which later programs may act.

A hook is a task name with a schedule. It is scheduled only if a task of that name is registered, so a later program
only has to add its task.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.schedules import crontab

from worker import context, force_close
from worker.app import app
from worker.before_close import BeforeClose

#: How long before the close the force-close comes, in minutes, where FORCE_CLOSE_BEFORE_CLOSE_MIN does not say it.
FORCE_CLOSE_MIN = 15

#: Task name to schedule, in America/New_York, on the exchange's weekdays.
HOOKS = {
    "bot.daily_reset": crontab(hour=4, minute=0, day_of_week="mon-fri"),
    force_close.NAME: BeforeClose(
        context.settings().force_close_before_close_min or FORCE_CLOSE_MIN, context.settings().closures
    ),
}


@app.on_after_finalize.connect
def schedule_hooks(sender: Celery, **_: Any) -> None:
    """Schedule the hooks that have a task."""
    for name, schedule in HOOKS.items():
        if name in sender.tasks:
            sender.add_periodic_task(schedule, sender.tasks[name].s(), name=name)
