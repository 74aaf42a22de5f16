"""Beat's hooks: times of the trading day at which later programs may act. None comes late: beat does not make up for a time
that it missed by more than LATEST, and a worker does not take a hook that waited for longer.

A hook is a task name with a schedule. It is scheduled only if a task of that name is registered, so a later program
only has to add its task.
"""

from __future__ import annotations

from datetime import time
from typing import Any

from celery import Celery

from worker import beat_life, context, force_close
from worker.app import app
from worker.trading_times import LATEST, BeforeClose, OnTradingDays

#: How long before the close the force-close comes, in minutes, where FORCE_CLOSE_BEFORE_CLOSE_MIN does not say it.
FORCE_CLOSE_MIN = 15

#: Task name to schedule, in America/New_York, on days with a session.
HOOKS = {
    "bot.daily_reset": OnTradingDays(time(4), context.settings().closures),
    force_close.NAME: BeforeClose(
        context.settings().force_close_before_close_min or FORCE_CLOSE_MIN, context.settings().closures
    ),
}


@app.on_after_finalize.connect
def schedule_hooks(sender: Celery, **_: Any) -> None:
    """Schedule the hooks that have a task, and beat's sign of life."""
    sender.add_periodic_task(
        beat_life.SIGN_SEC, beat_life.beat_lives.s(), name=beat_life.NAME, expires=2 * beat_life.SIGN_SEC
    )
    for name, schedule in HOOKS.items():
        if name in sender.tasks:
            sender.add_periodic_task(
                schedule, sender.tasks[name].s(), name=name, expires=LATEST.total_seconds()
            )
