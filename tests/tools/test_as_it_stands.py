"""What docs/ tells an operator to type beside script/server, typed: the tree is a copy, and the shell has nothing of the test's."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.launcher.server_run import READY, ServerRun
from tools import doc_blocks

ROOT = Path(__file__).resolve().parents[2]
#: What runs, and what the commands need.
PARTS = ("bot", "launcher", "migrations", "sandbox", "web", "worker", "tools", "script")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerRun]:
    """A running script/server of which nothing but the ports is set."""
    tree = tmp_path_factory.mktemp("tree")
    for part in PARTS:
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "celeryconfig.py", tree)
    (tree / ".venv").symlink_to(Path(sys.prefix))
    for path in (tree, *tree.parents):  # the embedded server may run under another account
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | stat.S_IXOTH)
    run = ServerRun(tree)
    try:
        run.wait_for(READY, 60)
        yield run
    finally:
        run.end()


def typed(server: ServerRun, *commands: str) -> str:
    """What a new shell in Pitboss's directory prints for *commands*."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        env={"PATH": os.environ["PATH"], "HOME": str(server.tree), "PAGER": "cat"},
        cwd=server.tree,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def first_lines() -> str:
    [beside] = doc_blocks.blocks("operations.md", mark="beside-server")
    [api] = [block for block in doc_blocks.unmarked("operations.md") if block.startswith("PITBOSS=")]
    return beside + api


def test_the_first_lines_of_operations_lead_to_web_postgres_and_the_queue(
    server: ServerRun, first_lines: str
) -> None:
    shown = typed(server, first_lines, 'echo "$PITBOSS"', "api /api/bot/status", "psql --version")
    assert shown.startswith(f"http://127.0.0.1:{server.port}\n")
    assert '"state":"stopped"' in shown.replace(" ", "")
    assert "celery" not in typed(server, first_lines, "cd /", "psql \"$DATABASE_URL\" -tAc 'SELECT 1'")
    typed(server, first_lines, "celery -A worker call bot.pause")


def test_a_dump_is_taken_and_restored_and_nobody_else_can_read_it(
    server: ServerRun, first_lines: str
) -> None:
    [dump], [restore] = (doc_blocks.blocks("backup.md", mark=mark) for mark in ("dump", "restore"))
    restored = typed(server, first_lines, dump, restore)
    assert restored.splitlines()[0].endswith("|stopped|paper")
    assert stat.S_IMODE((server.tree / "pitboss.dump").stat().st_mode) == 0o600
