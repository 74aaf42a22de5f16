"""Work that a thread of its own repeats as long as the process lives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from bot.errors import PitbossError

#: Least pause after work that failed, in seconds.
PAUSE_AFTER_ERROR_SEC = 0.5

log = logging.getLogger(__name__)


class Periodic:
    """Repeats *work*, with a pause of *seconds* in between. An error is logged once, and the work goes on."""

    def __init__(
        self,
        name: str,
        seconds: float | Callable[[], float],
        work: Callable[[], object],
        *,
        stopping: threading.Event | None = None,
    ) -> None:
        """
        Args:
            name: the thread's name; the log calls the work so.
            seconds: pause between one end of *work* and its next beginning, or who says each time how long it is.
            work: may raise anything.
            stopping: ends the repetition when it is set; one event may stop several.
        """
        self.name = name
        self._pause_sec = seconds if callable(seconds) else lambda: seconds
        self._work = work
        self._stopping = stopping or threading.Event()
        self._logged = ""
        self._thread = threading.Thread(target=self._repeat, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the work at once."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait until the last repetition has ended, for at most *seconds*; whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _repeat(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
                if self._logged:
                    log.info("%s works again", self.name)
                self._logged = ""
                self._stopping.wait(self._pause_sec())
            except PitbossError as error:
                if self._is_news(error):
                    log.error("%s: %s", self.name, error)
                self._pause_after_error()
            except Exception as error:
                if self._is_news(error):
                    log.exception("%s failed and goes on", self.name)
                self._pause_after_error()

    def _is_news(self, error: Exception) -> bool:
        """Whether *error* differs from the one that was logged last."""
        before, self._logged = self._logged, f"{type(error).__name__}: {error}"
        return before != self._logged

    def _pause_after_error(self) -> None:
        self._stopping.wait(max(self._pause_sec(), PAUSE_AFTER_ERROR_SEC))
