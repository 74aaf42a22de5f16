"""What CONTRIBUTING.md says about adding a command is all that it takes."""

from __future__ import annotations

import ast
import re
import shutil
import textwrap
from pathlib import Path

import pytest

from tests.support.fixtures import StackFactory
from tests.support.stack import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
#: A piece of the example: its file, where it goes there, and its lines.
PIECE = re.compile(r"# (\S+\.py), (in|before) (\w+)\n(.+?)(?=\n\n#|\Z)", re.DOTALL)


def example() -> str:
    found = re.search(r"<!-- a command -->\n```python\n(.*?)\n```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def insert(path: Path, where: str, name: str, code: str) -> None:
    """Write *code* at the end of the class *name*, at the end of the mapping *name*, or before it."""
    lines = path.read_text().splitlines()
    for node in ast.parse("\n".join(lines)).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        if name not in [getattr(each, "id", getattr(each, "name", None)) for each in targets]:
            continue
        if where == "before":
            at, depth = node.lineno - 1, 0
            while lines[at - 1].startswith("#"):
                at -= 1
            code += "\n\n"
        elif isinstance(node, ast.ClassDef):
            at, depth = node.end_lineno or 0, 1
        else:
            mapping = next(each for each in ast.walk(node) if isinstance(each, ast.Dict))
            at = (mapping.end_lineno or 0) - 1
            depth = len(lines[at - 1]) - len(lines[at - 1].lstrip())
            depth //= 4
        lines[at:at] = textwrap.indent(code, " " * 4 * depth).splitlines()
        path.write_text("\n".join(lines) + "\n")
        return
    pytest.fail(f"there is no {name} in {path}")


def test_the_example_of_a_command_is_all_that_a_command_takes(
    make_stack: StackFactory, tmp_path: Path
) -> None:
    stack = make_stack()
    stack.root = tmp_path / "tree"
    for package in ("bot", "web", "worker"):
        shutil.copytree(
            ROOT / package, stack.root / package, ignore=shutil.ignore_patterns("__pycache__", "vendor")
        )
    shutil.copy(ROOT / "celeryconfig.py", stack.root)
    pieces = PIECE.findall(example())
    assert len(pieces) == len(re.findall(r"^# \S+\.py", example(), re.M)) == 5
    for file, where, name, code in pieces:
        insert(stack.root / file, where, name, code)

    stack.start()
    before = stack.api().read("/config")["positionSizeUsd"]
    assert "halve" in stack.status()["allowedCommands"]
    done = stack.api().post("/halve", {"reason": "a calm day"})
    assert (done.status_code, done.json()["status"], done.json()["state"]) == (200, "applied", "stopped")
    assert stack.api().read("/config")["positionSizeUsd"] == before / 2
    by_celery = stack.call("call", "bot.halve").stdout.strip()
    assert stack.wait_finished(by_celery)["status"] == "applied"
    assert stack.api().read("/config")["positionSizeUsd"] == before / 4
