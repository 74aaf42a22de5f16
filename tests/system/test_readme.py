"""The README's tour, as it stands there: its shell function, each request with its answer, and Celery's command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.client import TOKENS
from tests.support.fixtures import StackFactory

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
#: What differs from run to run: ids, times, cursors, and whether the exchange is open just now.
VOLATILE = {
    "commandId",
    "id",
    "seq",
    "startedAt",
    "finishedAt",
    "issuedAt",
    "accountId",
    "nextCursor",
    "readAt",
}


def tour() -> list[tuple[str, Any]]:
    """Each command of the tour with the answer that is printed below it."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    lines = "".join(blocks).splitlines()
    return [
        (command.removeprefix("$ "), json.loads(answer))
        for command, answer in zip(*[iter(lines)] * 2, strict=True)
    ]


def line(beginning: str) -> str:
    """The one line of the README that begins with this."""
    (found,) = [each for each in README.splitlines() if each.startswith(beginning)]
    return found


def plain(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {key: "…" if key in VOLATILE and value else plain(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [plain(item) for item in answer if item != "market_closed"]
    return answer


def test_the_readmes_tour_gives_the_printed_answers(make_stack: StackFactory) -> None:
    stack = make_stack(MARKET_HOURS="nyse").start()
    asked = tour()
    assert len(asked) >= 10
    for command, printed in asked:
        answer = subprocess.run(
            ["sh", "-c", f"{line('bot() {')}\n{command}"],
            env={"PATH": "/usr/bin:/bin", "PITBOSS": f"{stack.url}/api/bot", "TOKEN": TOKENS["operator"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
        assert plain(json.loads(answer)) == plain(printed), command

    by_hand = line(".venv/bin/celery -A worker call").replace(
        ".venv/bin/celery", f"{sys.executable} -m celery"
    )
    subprocess.run(["sh", "-c", by_hand], env=stack.env(), cwd=ROOT, timeout=30, check=True)
    stack.wait_for(lambda: stack.commands()[-1]["source"] == "celery", 10, "it has come in")
    last = stack.commands()[-1]
    assert (last["kind"], last["reason"]) == ("start", "a manual start")
