"""Pages that name the test behind each claim name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEFINED = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("page", ["alpaca.md", "bug-reports.md", "guesses.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text()))
    assert named, "the page names no test"
    assert named - DEFINED == set()


def test_every_file_of_tests_that_a_page_names_exists() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    gone = {
        (page.name, named)
        for page in pages
        for named in re.findall(r"\btests/[\w/]+\.py", page.read_text())
        if not (ROOT / named).exists()
    }
    assert gone == set()
