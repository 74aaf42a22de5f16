"""The calls that the sandbox received lately, for tests that count them."""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any

KEPT = 1000


class Calls:
    """The last calls to the trading API, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def add(self, *, method: str, path: str, query: str, key: str | None, fault: str | None) -> None:
        """Note a call as it arrives; ``fault`` is the kind of fault that it met, if any."""
        at = datetime.now(UTC).isoformat()
        row = {"method": method, "path": path, "query": query, "key": key, "at": at, "fault": fault}
        with self._lock:
            self._rows.append(row)

    def rows(self, key: str | None = None) -> list[dict[str, Any]]:
        """The calls of one key, or all."""
        with self._lock:
            return [row for row in self._rows if key is None or row["key"] == key]

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._rows.clear()
