"""The state file: the market as one JSON document, replaced as a whole."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from sandbox import state
from sandbox.market import Market


class StateFileError(Exception):
    """The state file cannot be used. The message is one sentence that names the file."""


class Store:
    """Keeps a market in a file, or nowhere if ``path`` is None.

    Raises StateFileError when the file is there and does not hold a market. It is then left as it is: the
    owner may want to mend it.
    """

    def __init__(self, market: Market, path: Path | None) -> None:
        self._market = market
        self._path = path
        self._saving = threading.Lock()
        self._saved = 0
        if path is not None:
            self._load(path)

    def save(self) -> None:
        """Write the market down if it has changed since; when this returns, every earlier change is on disk.

        Callers that wait for one another's write find theirs already done, so many threads cost few writes.
        """
        if self._path is None:
            return
        wanted = self._market.revision
        with self._saving:
            if self._saved >= wanted:
                return
            with self._market.lock:
                revision, content = self._market.revision, state.as_json(self._market)
            self._write(self._path, json.dumps(content, separators=(",", ":")).encode())
            self._saved = revision

    def _load(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                state.load(self._market, json.loads(path.read_bytes()))
        except OSError as error:
            raise StateFileError(
                f"The state file {path} cannot be read: {error.strerror or error}."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise StateFileError(
                f"The state file {path} is damaged or not a sandbox's: remove it to begin afresh ({error!r})."
            ) from error

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        # A crash must leave the old file or the new one, so: a file beside it, to the disk, then one rename.
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
