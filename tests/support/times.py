"""Where the time of a run goes: with ``--times`` a table of seconds per folder, and the files that take longest.

It adds up what the tests took, each with its fixtures: of several processes at once, more than passed on the clock.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

#: Files shown.
LONGEST = 25


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        "--times", action="store_true", help="show the seconds per folder, and the longest files"
    )


def show(reporter: pytest.TerminalReporter) -> None:
    """Write the table, as Markdown."""
    folders: defaultdict[str, float] = defaultdict(float)
    files: defaultdict[str, float] = defaultdict(float)
    tests: defaultdict[str, set[str]] = defaultdict(set)
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                file = report.nodeid.partition("::")[0]
                folder = str(PurePosixPath(file).parent)
                folders[folder] += report.duration
                files[file] += report.duration
                tests[folder].add(report.nodeid)
    reporter.section("times")
    reporter.line("| Folder | Tests | Seconds |")
    reporter.line("| --- | ---: | ---: |")
    for folder, seconds in sorted(folders.items()):
        reporter.line(f"| {folder} | {len(tests[folder])} | {seconds:.0f} |")
    total = sum(map(len, tests.values()))
    reporter.line(f"| all | {total} | {sum(folders.values()):.0f} |")
    reporter.line("")
    for file, seconds in sorted(files.items(), key=lambda each: -each[1])[:LONGEST]:
        reporter.line(f"{seconds:7.1f} s  {file}")
