"""The operator's wish to stop."""

import signal
import time

ECHO_SEC = 0.5


class StopSignal:
    """Notes SIGINT, SIGTERM and SIGHUP (a closed terminal) instead of dying of them."""

    def __init__(self) -> None:
        self._first_at: float | None = None
        self._is_urgent = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup has SIGHUP ignored, and means it.
            if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN):
                signal.signal(number, self._note)

    def is_given(self) -> bool:
        return self._first_at is not None

    def is_urgent(self) -> bool:
        """Given a second time. Two at once are one: a Ctrl-C that a wrapper passed on as well."""
        return self._is_urgent

    def _note(self, *_: object) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
        elif now - self._first_at > ECHO_SEC:
            self._is_urgent = True
