"""Secrets that Pitboss generates once and keeps in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def keep(file: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
    """The secret in *file*; if the file does not exist, *make* generates one, which is written to it.

    If several processes do this at the same time, one wins and all return the same secret.

    Raises:
        OSError: the file can be neither read nor written.
    """
    kept = _read(file)
    if not kept:
        draft = _draft(file, make() + "\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            if not _read(file):
                draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
        kept = _read(file)
    return kept


def write_private(file: Path, text: str) -> None:
    """Write the whole file or nothing, with mode 0600 from the first byte on.

    Raises:
        OSError: it cannot be written.
    """
    _draft(file, text).replace(file)


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""


def _draft(file: Path, text: str) -> Path:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    return draft
