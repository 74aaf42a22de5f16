"""The commands that a page of docs/ shows, so that tests can run exactly them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(?:<!-- run: ([\w-]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def blocks(page: str, *, mark: str = "", language: str = "sh") -> list[str]:
    """The code blocks of docs/*page* in one language, in order; with *mark* those under ``<!-- run: mark -->`` only."""
    found = _BLOCK.findall((ROOT / "docs" / page).read_text())
    return [text for where, said, text in found if said == language and (not mark or where == mark)]


def unmarked(page: str) -> list[str]:
    """Shell and Python blocks that no mark claims, which is to say that nobody runs."""
    found = _BLOCK.findall((ROOT / "docs" / page).read_text())
    return [text for where, said, text in found if said in ("sh", "python") and not where]
