"""A file that is touched as long as its process lives: a health check only has to look how old it is."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


def touch(file: Path | None) -> None:
    """Say that this process lives; None says it to nobody. Never fails: a full disk is no reason to die."""
    if file is None:
        return
    try:
        file.touch()
    except OSError as error:
        log.warning(
            "ALIVE_FILE %s cannot be touched (%s): health checks will call this process dead", file, error
        )
