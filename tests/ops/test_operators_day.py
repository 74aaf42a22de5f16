"""Every command of docs/operators-day.md, in the order of the day."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.ops.test_runbook import ROOT, shell
from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory
from tools import doc_blocks

PAGE = "operators-day.md"


def test_every_command_of_an_operators_day_works_and_leaves_the_bot_stopped(make_stack: StackFactory) -> None:
    stack = make_stack().start()
    stack.wait_accepting()
    blocks = doc_blocks.unmarked(PAGE)
    assert len(blocks) > 8

    done = shell("\n".join(blocks), ROOT, PITBOSS=stack.url, TOKEN=TOKENS["operator"])

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert stack.status()["state"] == "stopped"
    kinds = [row["kind"] for row in stack.commands() if row["status"] == "applied"]
    assert kinds == [
        *("reconcile", "update_config", "start", "kill", "rearm", "start"),
        *("pause", "stop", "reconcile"),
    ]


def test_a_worker_takes_the_manual_kill_while_web_is_down(make_stack: StackFactory) -> None:
    stack = make_stack().start()
    stack.wait_accepting()
    stack.web.terminate()
    (block,) = doc_blocks.blocks(PAGE, mark="web-is-down")

    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = shell(block, ROOT, **{**stack.env(), "PATH": path})

    assert done.returncode == 0, done.stderr[-2000:]
    stack.wait_for(lambda: stack.config()["killed_at"] is not None, 10, "killed")
    assert stack.commands()[-1]["reason"] == "web is down"
