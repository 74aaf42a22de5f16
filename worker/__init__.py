"""Speaks Celery: delivers commands to the controller, reconciles when it starts, and writes its heartbeat.

``python -m worker worker``
"""

import sys

from bot.errors import SettingsError

try:
    from worker.app import app
except SettingsError as error:
    sys.exit(f"Pitboss cannot start: {error}")

__all__ = ["app"]
