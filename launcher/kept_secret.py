"""Secrets that Pitboss makes up once and keeps."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def keep(file: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
    """What the file says; at the first time it is made up and written, readable by its owner only."""
    try:
        kept = file.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if not kept:
        kept = make()
        write_private(file, kept + "\n")
    return kept


def write_private(file: Path, text: str) -> None:
    """Writes the whole file or nothing, mode 0600 from the first byte on."""
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    draft.rename(file)
