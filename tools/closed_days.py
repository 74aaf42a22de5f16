"""Writes ``closed_days.py`` of the domain and of the sandbox, which may not import it, from the ``holidays`` package: ``python -m tools.closed_days``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from bot.market_hours import by_library

ROOT = Path(__file__).resolve().parents[1]
TABLES = (ROOT / "bot" / "closed_days.py", ROOT / "sandbox" / "closed_days.py")
FIRST_YEAR, LAST_YEAR = 2015, 2045
_HEAD = '''"""The weekdays on which the New York Stock Exchange is closed, and those on which it closes early: ``MMDD``, by year.

The ``holidays`` package knows them, but it costs each process 18 MiB. ``python -m tools.closed_days`` writes this file from it, and a
test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping

#: By year: closed all day, closed early.
CLOSED_DAYS: Mapping[int, tuple[str, str]] = {
'''


def text() -> str:
    """What the file has to hold."""
    lines = []
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        all_day, early = map(_written, by_library(year))
        lines.append(f'    {year}: ("{all_day}", "{early}"),\n')
    return f"{_HEAD}{''.join(lines)}}}\n"


def _written(days: frozenset[date]) -> str:
    return " ".join(f"{day:%m%d}" for day in sorted(days))


if __name__ == "__main__":
    for table in TABLES:
        table.write_text(text())
