"""Which parts run: those under measurement, and no others that would disturb them."""

from __future__ import annotations

from launcher.process import stop_all
from tools.bench.part import Part


class Crew:
    """All parts that were ever started."""

    def __init__(self) -> None:
        self._parts: list[Part] = []

    def only(self, *parts: Part) -> None:
        """Have exactly these run, all of them ready and idle.

        Raises:
            BenchError: one of them did not start.
        """
        stop_all([part.process for part in self._parts if part not in parts])
        missing = [part for part in parts if not part.is_running]
        for part in missing:
            if part not in self._parts:
                self._parts.append(part)
            part.start()
        for part in missing:
            part.wait_ready()
        for part in missing:
            part.settle()

    def stop(self) -> None:
        self.only()
