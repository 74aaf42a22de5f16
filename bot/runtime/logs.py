"""Log lines: for a person on a terminal, JSON for everything else. What is bound to a command's way shows in each line.

No secret of the settings gets into a line, and no bearer token at all.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
import sys
from collections.abc import Iterable
from typing import Any

from bot.runtime.plain_structlog import structlog
from bot.settings.settings import Settings
from bot.settings.types import LogFormat, LogLevel

bind_contextvars = structlog.contextvars.bind_contextvars
bound_contextvars = structlog.contextvars.bound_contextvars
clear_contextvars = structlog.contextvars.clear_contextvars

__all__ = ["FIELDS", "bind_contextvars", "bound_contextvars", "clear_contextvars", "config", "configure"]

#: What ``extra`` may add to a line, and what is bound under the same names.
FIELDS = (
    "command_id",
    "kind",
    "actor",
    "source",
    "status",
    "from_state",
    "to_state",
    "mode",
    "revision",
    "duration_ms",
    "error_code",
    "reason",
    "address",
    "path",
)
#: Libraries whose every call would be a line, or whose lines would show an address that is a secret.
QUIET = ("urllib3", "alembic", "kombu", "amqp")

_BEARER = r"(?i:\bbearer\s+)[^\s\"'\\,;]+"
_HIDDEN = "***"


def configure(settings: Settings | None = None) -> None:
    """Send the log lines of this process, those of libraries too, to standard error; without *settings* all of them
    from INFO on."""
    logging.config.dictConfig(config(settings))
    logging.captureWarnings(True)


def config(settings: Settings | None = None) -> dict[str, Any]:
    """The same as a dictionary for ``logging.config``."""
    level = LogLevel.INFO if settings is None else settings.log_level
    look = LogFormat.AUTO if settings is None else settings.log_format
    secrets = frozenset() if settings is None else settings.secrets
    human = look is LogFormat.TEXT or (look is LogFormat.AUTO and sys.stderr.isatty())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"pitboss": {"()": Formatter, "human": human, "secrets": secrets}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "pitboss",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            **{name: {"level": "WARNING"} for name in QUIET},
            # gunicorn gives its loggers handlers of their own
            **{name: {"handlers": [], "propagate": True} for name in ("gunicorn.error", "gunicorn.access")},
        },
    }


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Writes a record as one line."""

    def __init__(self, *, human: bool, secrets: Iterable[str] = ()) -> None:
        last: list[structlog.typing.Processor]
        if human:
            # its usual tracebacks show local variables, secrets among them
            plain = structlog.dev.plain_traceback
            last = [structlog.dev.ConsoleRenderer(exception_formatter=plain, colors=sys.stderr.isatty())]
        else:
            last = [
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ]
        super().__init__(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(allow=FIELDS),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
        # longest first: one secret may begin with another
        hidden = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._hidden = re.compile("|".join([*map(re.escape, hidden), _BEARER]))

    def format(self, record: logging.LogRecord) -> str:
        return self._hidden.sub(_HIDDEN, super().format(record))


def _forms(secret: str) -> tuple[str, str, str]:
    """How *secret* may stand in a line: as it is, in JSON, and as Python shows a text."""
    return secret, json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]
