"""The Celery app."""

from __future__ import annotations

import logging
import sys
import time
from datetime import datetime
from typing import Any

import billiard.pool
from billiard.exceptions import WorkerLostError

from bot.errors import SettingsError
from bot.market_hours import NEW_YORK
from bot.runtime import logs
from bot.runtime.without import without
from bot.settings.queue import SENT_AT
from bot.settings.settings import Settings

with without("yaml"), without("msgpack"):  # no message is taken that is not JSON
    from celery import Celery
    from celery.signals import before_task_publish, celeryd_init, setup_logging, task_postrun, task_prerun

    from worker import transport

# before the first connection: kombu looks a transport up once
transport.install()

#: How long an ending pool child waits for its results to be read, in tenths of a second. As a worker ends it forgets a
#: message that is on its way to the child and never reads its result, for which the child would wait 30 s. Ours are
#: in Postgres, and the message, which was not acknowledged, comes again.
billiard.pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 10

app = Celery(
    "pitboss", config_source="celeryconfig", include=["worker.tasks", "worker.startup", "worker.schedule"]
)


@before_task_publish.connect
def stamp(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Let a message say when it was sent: a manual start of yesterday must not fire today, nor one of before a stop after
    it. A message that is sent again keeps what it says, or that it says nothing.

    A time without an offset, as in ``--eta 2026-11-27T15:45:00``, is New York's, like every other time here: Celery's workers
    would take it for UTC, whatever the ``timezone`` of the app, and act hours early."""
    if headers is not None:
        headers.setdefault(SENT_AT, time.time())
        for name in ("eta", "expires"):
            if isinstance(headers.get(name), str):
                headers[name] = _with_offset(headers[name])


def _with_offset(written: str) -> str:
    at = datetime.fromisoformat(written)
    return at.isoformat() if at.tzinfo else at.replace(tzinfo=NEW_YORK).isoformat()


@celeryd_init.connect
def need_database(**_: Any) -> None:
    """A worker without the address of its database ends at its start. Beat and Flower, which need none, do not come by here."""
    try:
        Settings.load()
    except SettingsError as error:
        sys.exit(f"Pitboss cannot start: {error}")


@celeryd_init.connect  # Celery has something to say before it sets its logging up
@setup_logging.connect
def log_lines(**_: Any) -> None:
    """Have Celery's log lines look like all others."""
    logs.configure(Settings.load_without_database())
    logging.getLogger("celery.worker.strategy").addFilter(name_command)
    logging.getLogger("celery.worker.request").addFilter(shorten_loss)


def name_command(record: logging.LogRecord) -> bool:
    """Let Celery's line about a message that came in name its command as all others do."""
    data = getattr(record, "data", None)
    if isinstance(data, dict) and "id" in data:
        record.command_id = data["id"]
    return True


def shorten_loss(record: logging.LogRecord) -> bool:
    """A child that was killed is said in a sentence: the trace behind it is of Celery's own machinery."""
    # by its type: the exception itself is wrapped
    if record.exc_info and record.exc_info[0] is not None and issubclass(record.exc_info[0], WorkerLostError):
        record.exc_info = None
    return True


@task_prerun.connect
def bind(task_id: str | None = None, task: Any = None, **_: Any) -> None:
    """Let every line that a task's work leads to name its command."""
    logs.clear_contextvars()
    logs.bind_contextvars(command_id=task_id, kind=str(getattr(task, "name", "")).removeprefix("bot."))


@task_postrun.connect
def unbind(**_: Any) -> None:
    logs.clear_contextvars()
