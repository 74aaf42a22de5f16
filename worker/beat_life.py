"""Beat's sign of life: a message that a worker writes down, because beat has no way to the database."""

from __future__ import annotations

from bot.errors import DatabaseUnavailable
from worker import context
from worker.app import app

NAME = "bot.beat_lives"
#: How often beat sends it, in seconds; one that waited for twice as long says nothing any more.
SIGN_SEC = 10.0


@app.task(name=NAME, ignore_result=True, throws=(DatabaseUnavailable,))
def beat_lives() -> None:
    """Write that beat lives."""
    from bot.models import Sign  # see worker.context
    from bot.status import heartbeat

    context.database().batched(lambda batch: heartbeat.give_sign(batch, Sign.BEAT))
