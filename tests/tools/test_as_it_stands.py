"""What the pages tell an operator or a developer to type, typed: the tree is a copy, and the shell has nothing of the test's."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.documented_commands import (
    MARKED,
    PAGES,
    ROOT,
    RUNBOOK,
    RUNNERS,
    InATest,
    Long,
    Nobody,
    Typed,
)
from tests.tools.launcher.server_run import READY, ServerRun
from tools import doc_blocks

#: What runs, and what the commands need.
PARTS = ("bot", "client", "docs", "launcher", "migrations", "sandbox", "web", "worker", "tools", "script")


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
        run.wait_for(READY)
        yield run
    finally:
        run.end()


def typed(server: ServerRun, *commands: str, given: str = "") -> str:
    """What a new shell in Pitboss's directory prints for *commands*, which are *given* a line when they ask for one."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        env={"PATH": os.environ["PATH"], "HOME": str(server.tree), "PAGER": "cat"},
        cwd=server.tree,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, "\n".join(commands) + done.stdout[-2000:] + done.stderr[-3000:]
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
    assert re.fullmatch(r"\d+\|(stopped|running)\|paper", restored.splitlines()[0])
    assert stat.S_IMODE((server.tree / "pitboss.dump").stat().st_mode) == 0o600


def test_every_command_of_the_runbook_works(server: ServerRun, first_lines: str) -> None:
    blocks = [block for block in doc_blocks.unmarked("operations.md") if "def " not in block]
    assert len(blocks) > 15
    typed(server, first_lines, *blocks)
    assert '"state":"running"' in typed(server, first_lines, "api /api/bot/status").replace(" ", "")


@pytest.mark.parametrize("command", [command for command, by in RUNNERS.items() if isinstance(by, Typed)])
def test_a_command_works_as_it_stands(server: ServerRun, first_lines: str, command: str) -> None:
    by = RUNNERS[command]
    assert isinstance(by, Typed)
    typed(server, first_lines, by.after, command, given=by.given)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("command", [command for command, by in RUNNERS.items() if isinstance(by, Long)])
def test_a_command_that_takes_minutes_works_as_it_stands(command: str) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(["bash", "-c", command], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_has_somebody_who_runs_it(page: Path) -> None:
    # the shell blocks of the runbook are typed as a whole
    languages = ("",) if page == RUNBOOK else ("sh", "")
    found = doc_blocks.commands(page, languages=languages)
    assert found, "the page shows no command"
    assert found - RUNNERS.keys() == set(), "say in documented_commands.py who runs it"
    assert doc_blocks.marks(page) - MARKED.keys() == set(), "say in documented_commands.py who runs it"


def test_who_is_said_to_run_a_command_is_there_and_the_command_is_on_a_page() -> None:
    shown = {command for page in PAGES for command in doc_blocks.commands(page)}
    assert RUNNERS.keys() - shown == set(), "no page shows it any more"
    assert MARKED.keys() == {mark for page in PAGES for mark in doc_blocks.marks(page)}
    for by in (*RUNNERS.values(), *MARKED.values()):
        if isinstance(by, InATest):
            file, _, name = by.by.partition("::")
            assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).is_file(), by.by
        if isinstance(by, Nobody):
            assert by.why
