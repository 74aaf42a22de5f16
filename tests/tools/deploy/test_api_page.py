"""Every example of docs/api.md does what the page says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import TOKENS
from tests.support.stack import ROOT, Stack
from tools.doc_blocks import blocks, unmarked
from web.schemas.account import PositionOut

PAGE = "api.md"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def environment(stack: Stack) -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    return {
        **stack.env(),
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PITBOSS": stack.url,
        "TOKEN": TOKENS["operator"],
    }


def sh(script: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def answers(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_every_block_is_run() -> None:
    assert unmarked(PAGE) == []


def test_the_shell_examples_from_top_to_bottom(stack: Stack, environment: dict[str, str]) -> None:
    preamble, *rest = blocks(PAGE, mark="api")
    got = [answers(sh(preamble + block, environment)) for block in rest]
    commands, waiting, rejected, twice, killed, lists, broker, trade, changing, settling, reports, _events = (
        got
    )

    assert [each["state"] for each in commands] == ["running", "paused", "running", "stopped"]
    assert waiting[0]["state"] == "running"
    assert waiting[-1]["kind"] == "pause"
    examples = [json.loads(block) for block in blocks(PAGE, language="json")]
    for answer, shown in ((rejected, examples[1]), (settling, examples[3])):
        [error] = answer
        for each in (error, shown):
            each["details"].pop("commandId")
        assert error == shown
    assert twice[0]["commandId"] == twice[1]["commandId"]
    assert [each.get("state", each.get("code")) for each in killed] == ["stopped", "killed", "stopped"]
    assert not [each for each in (*lists, *broker, *trade, *reports) if "error" in each]
    assert (len(lists), len(broker)) == (12, 3)
    assert set(examples[2]["items"][0]) <= set(PositionOut.model_json_schema(by_alias=True)["properties"])
    _started, filled, partly, closed, corrected, events, _stopped = trade
    assert [each["status"] for each in (filled, partly, closed)] == ["open", "open", "closed"]
    assert (partly["exitedShares"], corrected["exitPrice"]) == (40, 9.33)
    newest, *_, first = events["items"]
    assert (first["kind"], newest["reason"]) == ("opened", "the average of both fills")
    assert changing[0]["maxConcurrentPositions"] == 4
    assert changing[1]["code"] == "validation"
    assert changing[2]["mode"] == "paper"


def test_events_arrive(stack: Stack, environment: dict[str, str]) -> None:
    preamble, *rest = blocks(PAGE, mark="api")
    assert "event: status" in sh(preamble + rest[-1], environment)


def test_the_shape_of_an_answer_is_the_one_shown(stack: Stack) -> None:
    shown = json.loads(blocks(PAGE, language="json")[0])
    assert set(shown) <= set(stack.api().do("/start"))


def python(block: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", block], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_examples(stack: Stack, environment: dict[str, str]) -> None:
    commands, trade, events = blocks(PAGE, mark="api", language="python")
    assert python(commands, environment).splitlines() == [
        "running",
        "stopped",
        "Cannot stop while the bot is stopped; stop is allowed when it is running or paused.",
    ]
    assert python(trade, environment).splitlines() == ["1.4"]
    assert python(events, environment).splitlines() == ["stopped"]


def test_the_python_client_gets_through_a_restart_of_web(stack: Stack, environment: dict[str, str]) -> None:
    commands, *_ = blocks(PAGE, mark="api", language="python")
    stack.web.kill()
    with subprocess.Popen(
        [sys.executable, "-c", commands], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        stack.start_web()
        output, _ = running.communicate(timeout=60)
    assert output.splitlines()[:2] == ["running", "stopped"]


def test_manual_commands(stack: Stack, environment: dict[str, str]) -> None:
    [block] = blocks(PAGE, mark="celery")
    sh(block, environment)
    stack.wait_for(
        lambda: (
            [row["kind"] for row in stack.commands()[-3:] if row["source"] == "celery"]
            == ["start", "stop", "settle"]
        ),
        10,
        "all are in the log",
    )
