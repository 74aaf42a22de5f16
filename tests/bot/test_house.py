"""Every thing in its house: SQL in one file, every table in the metadata."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: SQL on a table of Pitboss's. Fragments that SQLAlchemy puts into a statement of its own name none.
SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\b.*\b(bot_\w+|alembic_version)\b", re.DOTALL
)
STATEMENTS = "bot/storage/statements.py"


def texts(file: Path) -> Iterator[str]:
    """The string literals of a file; of one with values in it, the parts between them."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            inside |= {id(part) for part in node.values}
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def test_only_one_file_holds_sql() -> None:
    found = {
        str(file.relative_to(ROOT))
        for folder in ("bot", "web", "worker")
        for file in (ROOT / folder).rglob("*.py")
        if any(SQL.match(text) for text in texts(file))
    }
    assert found == {STATEMENTS}


def test_no_route_builds_a_query() -> None:
    for file in (ROOT / "web" / "routes").glob("*.py"):
        imported = {
            name.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
            for name in node.names
        }
        assert imported <= {"Session"}, f"{file.name}: queries live in bot/queries"


def test_every_table_is_known_after_one_import() -> None:
    defined = {
        name
        for file in (ROOT / "bot").rglob("*.py")
        for name in re.findall(r"^    __tablename__ = \"(\w+)\"", file.read_text(), re.M)
    }
    # a process of its own: here other tests have imported everything
    script = "import bot.models; print(*bot.models.Base.metadata.tables)"
    known = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert defined
    assert set(known) == defined


def test_no_two_things_are_done_under_one_advisory_lock() -> None:
    numbers = [
        number
        for file in (ROOT / "bot").rglob("*.py")
        for number in re.findall(r"^_LOCK = (\w+)$", file.read_text(), re.M)
    ]
    assert len(numbers) >= 4
    assert len(set(numbers)) == len(numbers)
