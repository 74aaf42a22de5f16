"""The commands that a page of docs/ shows, so that tests can run exactly them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(?:<!-- run: ([\w-]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
#: A block of any language, also of none, and code within the text.
_ANY_BLOCK = re.compile(r"^(?:<!-- run: ([\w-]+) -->\n)?```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_PROGRAM = re.compile(
    r"(?:script/[\w-]+|[./]\S*/\S+ \S|(?:docker(?! compose$)|celery|flask|git|psql|pg_\w+|ssh|curl|cut|cat) [^|]).*"
)
_SETTING = re.compile(r"[A-Z_]+=\S*")


def blocks(page: str, *, mark: str = "", language: str = "sh") -> list[str]:
    """The code blocks of docs/*page* in one language, in order; with *mark* those under ``<!-- run: mark -->`` only."""
    found = _BLOCK.findall((ROOT / "docs" / page).read_text())
    return [text for where, said, text in found if said == language and (not mark or where == mark)]


def unmarked(page: str) -> list[str]:
    """Shell and Python blocks that no mark claims, which is to say that nobody runs."""
    found = _BLOCK.findall((ROOT / "docs" / page).read_text())
    return [text for where, said, text in found if said in ("sh", "python") and not where]


def marks(page: Path) -> set[str]:
    """The marks of its shell blocks."""
    return {mark for mark, language, _ in _ANY_BLOCK.findall(page.read_text()) if mark and language == "sh"}


def commands(page: Path, *, languages: tuple[str, ...] = ("sh", "")) -> set[str]:
    """Every command of its unmarked blocks in *languages* (some have none), and within its text."""
    text = page.read_text()
    found = {
        line
        for mark, language, block in _ANY_BLOCK.findall(text)
        if not mark and language in languages
        for line in _lines(block)
    }
    for code in _CODE.findall(_ANY_BLOCK.sub("", text)):
        one_line = " ".join(code.replace(r"\|", "|").split())
        if _PROGRAM.fullmatch(one_line):
            found.add(one_line)
    return found


def _lines(block: str) -> Iterator[str]:
    """Its commands, those of several lines joined, without comments and settings."""
    pending = ""
    for line in block.splitlines():
        pending = f"{pending} {line.strip()}".strip()
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:  # a quote is still open
            continue
        if pending.endswith(("&&", "\\")):
            pending = pending.removesuffix("\\")
            continue
        pending, command = "", re.sub(r"\s+#\s.*$", "", pending)
        if words and not all(_SETTING.fullmatch(word) for word in words):
            yield command
