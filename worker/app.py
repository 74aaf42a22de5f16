"""The Celery app."""

from __future__ import annotations

import time
from typing import Any

from celery import Celery
from celery.signals import before_task_publish, setup_logging

from bot import logs

app = Celery(
    "pitboss", config_source="celeryconfig", include=["worker.tasks", "worker.startup", "worker.schedule"]
)

#: Message header: when the message was sent, in epoch seconds of the sender's clock.
SENT_AT = "pitboss_sent_at"


@before_task_publish.connect
def stamp(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Let a message that waits in the queue grow old: a start sent by hand yesterday must not fire today."""
    if headers is not None:
        headers.setdefault(SENT_AT, time.time())


@setup_logging.connect
def log_lines(**_: Any) -> None:
    """Have Celery's log lines look like all others."""
    logs.configure()
